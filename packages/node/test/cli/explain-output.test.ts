import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { resultSchema } from "../../src/io/result-schema.js";
import { createWorld, fakeResult, putImages, readersOf, temporaryFolder } from "./fake-world.js";

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
});

const world = (options: Parameters<typeof createWorld>[0] = {}) => createWorld({ cwd, ...options });
const { resultFiles, json, printed } = readersOf(() => cwd);

describe("what whybox explain says", () => {
  it("prints one document with --json, and nothing else", async () => {
    await putImages(cwd, "1.jpg", "2bad.jpg");
    const run = world();
    expect(await run.run("explain", "1.jpg", "2bad.jpg", "gone.jpg", "--json")).toBe(3);
    const document = printed(run);
    expect(document.results).toEqual([resultSchema.parse(await json("runs/explain/exp/1.json"))]);
    expect(document.failures.map(({ source, code }) => [source, code])).toEqual([
      ["gone.jpg", "bad-input"],
      ["2bad.jpg", "bad-input"],
    ]);
    expect(document.summary).toEqual({ explained: 1, empty: 0, failed: 2, notTried: 0, exitCode: 3 });
    expect(document.outputFolder).toBe(join(cwd, "runs/explain/exp"));
  });

  it("prints with --measure how each map does beside the baselines", async () => {
    await putImages(cwd, "1.jpg");
    const curve = { fractions: [0, 0.5, 1], scores: [1, 0.5, 0] };
    const curves = (overAll: number) => ({ deletion: curve, insertion: curve, overAll });
    const figures = (overAll: number, within: number) => ({ ...curves(overAll), withinBox: curves(within) });
    const regions = { removal: 0.12, sufficient: 0.1, sufficientOverBox: 0.4 };
    const measured = [
      {
        ...{ detections: [1], className: "cat\u001b[2J", score: 0.4, images: 66 },
        ...{
          map: { ...figures(0.81, 0.3), ...regions },
          gaussian: { ...figures(0.7, 0.1), ...regions, removal: 0.17 },
        },
        random: figures(0.01, -0.02),
      },
    ];
    const run = world({ result: () => ({ ...fakeResult, measured }) });
    expect(await run.run("explain", "1.jpg", "--measure")).toBe(0);
    expect(run.stdout()).toMatch(/map +blob +random +map in box +blob in box +random in box +smallest region\n/);
    expect(run.stdout()).toMatch(/1 +cat.* 0\.81 +0\.70 +0\.01 +0\.30 +0\.10 +-0\.02 +0\.40 of the box\n/);
    expect(run.stdout()).toMatch(
      / 1: Removing the hottest 12.% of the image .*; a blob at the box needs 17.%\. The map is more faithful/,
    );
    expect(run.stdout()).not.toContain("\u001b[2J");
    expect((await json("runs/explain/exp/1.json")).measured).toEqual(measured);
    expect(run.explains).toMatchObject([{ measure: true }]);
  });

  it("prints the document even when nothing could be tried", async () => {
    const run = world();
    expect(await run.run("explain", "gone.jpg", "--json")).toBe(3);
    expect(printed(run)).toMatchObject({ outputFolder: null, results: [], summary: { failed: 1, exitCode: 3 } });
  });

  it("is the same twice, apart from the timings", async () => {
    await putImages(cwd, "a.jpg");
    for (const out of ["o1", "o2"]) await world().run("explain", "a.jpg", "--out", out);
    const [one, two] = [await json("o1/a.json"), await json("o2/a.json")];
    expect({ ...one, timings: null }).toEqual({ ...two, timings: null });
  });

  it("says with --quiet nothing but errors", async () => {
    await putImages(cwd, "1.jpg", "2bad.jpg");
    const run = world({ report: { notice: "YOLOv5s weights: AGPL-3.0, (c) Ultralytics" } });
    expect(await run.run("explain", "1.jpg", "2bad.jpg", "--quiet")).toBe(3);
    expect(run.stdout()).toBe("");
    expect(run.stderr()).toBe(`error: ${join(cwd, "2bad.jpg")} is text by its content.\n`);
  });

  it("states the licence of the weights once, off stdout", async () => {
    await putImages(cwd, "1.jpg", "2.jpg");
    const run = world({ report: { notice: "YOLOv5s weights: AGPL-3.0, (c) Ultralytics" } });
    await run.run("explain", "1.jpg", "2.jpg");
    expect(run.stderr().match(/^YOLOv5s weights: AGPL-3\.0, \(c\) Ultralytics$/gm)).toHaveLength(1);
  });

  it("says once that COCO's names are assumed, and nothing about known names", async () => {
    await putImages(cwd, "1.jpg", "2.jpg");
    const run = world({ report: { classNamesFrom: "coco" } });
    await run.run("explain", "1.jpg", "2.jpg");
    expect(run.stderr().match(/COCO's names are assumed/g)).toHaveLength(1);
    expect((await json("runs/explain/exp/1.json")).model.classNamesFrom).toBe("coco");
    const known = world();
    await known.run("explain", "1.jpg", "--out", "known");
    expect(known.stderr()).not.toContain("COCO");
  });

  it("says once which classes have a number in images, because letters are missing", async () => {
    await putImages(cwd, "1.jpg", "2.jpg");
    const run = world({ report: { classNames: ["cat", "猫", "собака", ...Array(6).fill("🐈")] } });
    await run.run("explain", "1.jpg", "2.jpg");
    const notes = run.stderr().match(/^Labels in images .*$/gm);
    expect(notes).toEqual([
      "Labels in images lack letters of 7 class names, and show the numbers of the classes: #1 is 猫, #3 is 🐈, #4 is 🐈, #5 is 🐈, #6 is 🐈, … and 2 more.",
    ]);
    const own = world();
    await own.run("explain", "1.jpg", "--out", "own");
    expect(own.stderr()).not.toContain("Labels in images");
  });

  it("says how many sources came twice", async () => {
    await putImages(cwd, "1.jpg");
    const run = world();
    await run.run("explain", "1.jpg", "./1.jpg");
    expect(run.stderr()).toContain("1 source named more than once");
    expect(run.explains).toHaveLength(1);
  });

  it("shows a long table in part", async () => {
    await putImages(cwd, "1.jpg");
    const many = Array.from({ length: 40 }, (_, index) => ({ ...fakeResult.detections[0]!, index }));
    const run = world({ result: () => ({ ...fakeResult, detections: many, explained: [], layers: [] }) });
    await run.run("explain", "1.jpg", "--save", "png");
    expect(run.stdout()).toContain("… and 10 more");
    expect(await resultFiles()).toEqual(["1.png"]);
  });

  it("stops at Ctrl-C with 130, and keeps what is whole", async () => {
    await putImages(cwd, "1.jpg", "2.jpg", "3.jpg");
    const controller = new AbortController();
    let images = 0;
    const run = world({
      signal: controller.signal,
      result: () => {
        if (++images === 2) controller.abort();
        return fakeResult;
      },
    });
    expect(await run.run("explain", ".", "--json")).toBe(130);
    expect(await resultFiles()).toEqual(["1.json", "1.png"]);
    expect(printed(run).summary).toEqual({ explained: 1, empty: 0, failed: 0, notTried: 2, exitCode: 130 });
    expect(run.calls.at(-1)).toBe("dispose");
  });

  it("stops before the model when Ctrl-C came early, and leaves nothing", async () => {
    await putImages(cwd, "1.jpg");
    const run = world({ signal: AbortSignal.abort() });
    expect(await run.run("explain", "1.jpg")).toBe(130);
    expect(run.calls).toEqual([]);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });

  it("takes whatever fails after Ctrl-C for the stop", async () => {
    await putImages(cwd, "1.jpg");
    const controller = new AbortController();
    const run = world({
      signal: controller.signal,
      services: {
        decodeImage: async () => {
          controller.abort();
          throw new DOMException("This operation was aborted", "AbortError");
        },
      },
    });
    expect(await run.run("explain", "1.jpg")).toBe(130);
    expect(run.stderr()).not.toContain("bug");
  });

  it("calls a bug a bug, without a stack trace", async () => {
    await putImages(cwd, "1.jpg");
    const services = {
      decodeImage: async () => {
        throw new TypeError("x is\nnot a function", { cause: new Error("deep") });
      },
    };
    const run = world({ services });
    expect(await run.run("explain", "1.jpg")).toBe(1);
    expect(run.stderr()).toMatch(
      /^error: 1\.jpg: This is a bug in Whybox: TypeError: x is not a function\nPlease report/,
    );
    expect(run.stderr()).not.toMatch(/^\s+at /m);
    const debug = world({ services, env: { WHYBOX_DEBUG: "1" } });
    expect(await debug.run("explain", "1.jpg")).toBe(1);
    expect(debug.stderr()).toMatch(/^\s+at /m);
    expect(debug.stderr()).toContain("caused by Error: deep");
  });

  it("takes numbers that are not finite for a bug, instead of writing null", async () => {
    await putImages(cwd, "1.jpg");
    const scores = [{ ...fakeResult.scores[0]!, value: Number.NaN }];
    const run = world({ result: () => ({ ...fakeResult, scores }) });
    expect(await run.run("explain", "1.jpg")).toBe(1);
    expect(run.stderr()).toContain("This is a bug in Whybox");
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });

  it("colours a terminal, unless NO_COLOR says no", async () => {
    await putImages(cwd, "1.jpg");
    const colour = world({ tty: true });
    await colour.run("explain", "1.jpg", "gone.jpg");
    expect(colour.stdout()).toContain("\u001b[1m1.jpg");
    expect(colour.stderr()).toContain("\u001b[31merror:");
    const plain = world({ tty: true, env: { NO_COLOR: "1" } });
    await plain.run("explain", "1.jpg", "gone.jpg");
    expect(plain.stdout() + plain.stderr()).not.toContain("\u001b");
  });
});
