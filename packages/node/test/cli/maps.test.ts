import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AskedAnswer, WhyboxError } from "@whybox/core";
import { beforeEach, describe, expect, it } from "vitest";
import { explanationLines } from "../../src/cli/explain-text.js";
import { resultSchema } from "../../src/io/result-schema.js";
import { createWorld, emptyResult, fakeResult, putImages, resultPerDetection, temporaryFolder } from "./fake-world.js";

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
  await putImages(cwd, "x.jpg");
});
const files = (folder = "o") => readdir(join(cwd, folder)).then((names) => names.sort());
const document = async (path: string) => resultSchema.parse(JSON.parse(await readFile(join(cwd, path), "utf8")));

const asked: AskedAnswer = {
  boxImage: { frame: "image", x1: 1, y1: 1, x2: 3, y2: 3 },
  boxInput: { frame: "input", x1: 8, y1: 8, x2: 24, y2: 24 },
  className: "dog\u001b[31m",
  row: 5,
  levelName: "P3",
  iou: 0.5,
  objectness: 0.1,
  classProbability: 0.2,
  confidence: 0.02,
  bestClassName: "cat",
  bestClassProbability: 0.4,
  detection: undefined,
  verdict: "Not detected: no.",
};

describe("maps of single detections", () => {
  it("get files of their own, a contact sheet, and a place in the document", async () => {
    const run = createWorld({ cwd, result: () => resultPerDetection });
    const argv = ["explain", "x.jpg", "--per-detection", "--save", "png", "npy", "json", "maps", "--out", "o"];
    expect([await run.run(...argv), run.stderr()]).toEqual([0, ""]);
    expect(run.explains).toMatchObject([{ per: "detection" }]);
    const [dog, cat] = ["x.0-dog", "x.1-cat_[31m"];
    expect(await files()).toEqual(
      [
        ...[`${dog}.npy`, `${dog}.png`, `${cat}.npy`, `${cat}.png`],
        ...["x.heatmap.npy", "x.json", "x.png", "x.sheet.png"],
      ].sort(),
    );
    const { maps, files: names } = await document("o/x.json");
    expect(names).toEqual({ png: "x.png", sheet: "x.sheet.png", npy: "x.heatmap.npy", json: "x.json" });
    expect(maps).toEqual([
      {
        ...{ detections: [0], className: "dog", maximum: 2, files: { png: `${dog}.png`, npy: `${dog}.npy` } },
        heat: { inBox: 0.5, area: 1 / 3, ratio: 1.5, peak: [2.5, 1.5], peakInBox: true },
      },
      {
        ...{ detections: [1], className: "cat\u001b[31m", maximum: 0, heat: null },
        files: { png: `${cat}.png`, npy: `${cat}.npy` },
      },
    ]);
    expect(run.calls).toEqual([
      // The detector is not needed while the files are written.
      ...["load", "explain", "dispose", "render opacity=0.6 boxes=true detections=2"],
      ...["render opacity=0.6 boxes=true detections=1", "render opacity=0.6 boxes=true detections=1"],
      "sheet 0  dog  0.88 | 1  cat[31m #0  0.50",
    ]);
    expect(run.stdout()).toContain("x.jpg (6×4): 2 detections, GradCAM per detection\n");
    expect(run.stdout()).toMatch(/Saved o.x\.png, o.x\.sheet\.png, .*; o.x\.0-dog\.png and 3 more files\n$/);
    expect(run.stdout()).not.toContain("\u001b");
  });

  it("have an overlay and a contact sheet together, and no files of their own unless these are asked for", async () => {
    const run = createWorld({ cwd, result: () => resultPerDetection });
    expect([await run.run("explain", "x.jpg", "--out", "o"), run.stderr()]).toEqual([0, ""]);
    expect(run.explains).toMatchObject([{ per: "detection" }]);
    expect(await files()).toEqual(["x.json", "x.png", "x.sheet.png"]);
    const result = { ...resultPerDetection, maps: resultPerDetection.maps.slice(0, 1) };
    const one = createWorld({ cwd, result: () => result });
    await one.run("explain", "x.jpg", "--out", "one");
    expect(await files("one")).toEqual(["x.json", "x.png"]);
  });

  it("are told in the table and in one sentence, and detections with the same sentence share it", async () => {
    const [dog, cat] = resultPerDetection.maps;
    const result = { ...resultPerDetection, maps: [dog!, { ...cat!, heatmap: dog!.heatmap }] };
    const both = { ...result, detections: result.detections.map((one) => ({ ...one, className: "dog" })) };
    const run = createWorld({ cwd, result: () => both });
    await run.run("explain", "x.jpg", "--out", "o");
    expect(run.stdout()).toContain(
      "  0: The detector's confidence in this dog depends mostly on the area inside its box",
    );
    expect(run.stdout()).toContain(
      "  1: The detector's confidence in this dog depends mostly on the surroundings of its box.",
    );
    const same = createWorld({ cwd, result: () => ({ ...both, maps: [dog!, { ...dog!, detections: [0] }] }) });
    await same.run("explain", "x.jpg", "--out", "same");
    expect(same.stdout()).toContain("  0, 0: The detector's confidence in this dog");
  });

  it("say nothing about a detection when the method does not depend on it", async () => {
    await createWorld({ cwd, result: () => resultPerDetection }).run("explain", "x.jpg", "--out", "o");
    const made = await document("o/x.json");
    const lines = explanationLines({ ...made, options: { ...made.options, method: "EigenCAM" } });
    expect(lines).toContain("  0: Where this layer is most active.");
    expect(lines.join("\n")).not.toContain("confidence in this");
  });

  it("are one map of the image with --per image, and with the options that mean it", async () => {
    const run = createWorld({ cwd });
    for (const argv of [
      ["--per", "image"],
      ["--backward-per-class"],
      ["--box", "1", "1", "3", "3", "--class", "dog"],
    ]) {
      expect(await run.run("explain", "x.jpg", ...argv)).toBe(0);
    }
    expect(run.explains).toMatchObject([{ per: "image" }, { per: "image" }, { per: "image" }]);
  });

  it("are saved in the network's frame with --frame input", async () => {
    const heatmapInput = { height: 32, width: 64, data: new Float32Array(32 * 64) };
    const result = { ...resultPerDetection, maps: resultPerDetection.maps.map((map) => ({ ...map, heatmapInput })) };
    const run = createWorld({ cwd, result: () => result });
    const argv = ["explain", "x.jpg", "--per-detection", "--frame", "input", "--save", "npy", "--out", "o"];
    expect([await run.run(...argv), run.stderr()]).toEqual([0, ""]);
    expect(run.explains).toMatchObject([{ per: "detection", frames: "both" }]);
    const text = (file: string) => readFile(join(cwd, "o", file), "utf8");
    expect([await text("x.0-dog.npy"), await text("x.heatmap.npy")]).toEqual(["npy 32x64", "npy 32x64"]);
    const plain = createWorld({ cwd, result: () => resultPerDetection });
    await plain.run("explain", "x.jpg", "--per-detection", "--save", "npy", "--out", "p");
    expect(await readFile(join(cwd, "p", "x.0-dog.npy"), "utf8")).toBe("npy 4x6");
    expect(plain.explains[0]).not.toHaveProperty("frames");
  });

  it("are of classes with --per class, numbered as the model numbers them", async () => {
    const [first] = resultPerDetection.maps;
    const result = { ...resultPerDetection, maps: [{ ...first!, detections: [0, 1] }] };
    const run = createWorld({ cwd, result: () => result });
    await run.run(
      "explain",
      "x.jpg",
      "--per",
      "class",
      "--scale",
      "common",
      "--out",
      "o",
      "--crop-keep",
      "--save",
      "png",
      "npy",
      "json",
    );
    expect(run.explains).toMatchObject([{ per: "class", scale: "common" }]);
    expect(await files()).toEqual(["x.1-dog.npy", "x.heatmap.npy", "x.json", "x.png"]);
    expect(run.calls.filter((call) => call.endsWith("detections=2 crop=hot"))).toHaveLength(1);
    expect((await document("o/x.json")).options).toMatchObject({ crop: false, cropKeep: true });
  });

  it("overwrite nothing, and do not go by what was there", async () => {
    const explain = () =>
      createWorld({ cwd, result: () => resultPerDetection }).run(
        ...["explain", "x.jpg", "--out", "o", "--save", "png", "json", "maps"],
      );
    expect([await explain(), await explain()]).toEqual([0, 0]);
    const names = ["x", "x-2"].flatMap((stem) =>
      [".0-dog.png", ".1-cat_[31m.png", ".json", ".png", ".sheet.png"].map((end) => stem + end),
    );
    expect(await files()).toEqual(names.sort());
    expect((await document("o/x-2.json")).maps[0]!.files.png).toBe("x-2.0-dog.png");
  });

  it("are none, and there is no sheet, when the class was not detected", async () => {
    const empty = { reason: "class-not-detected" as const, message: "No zebra." };
    const run = createWorld({ cwd, result: () => ({ ...fakeResult, explained: [], maps: [], empty }) });
    expect(await run.run("explain", "x.jpg", "--per-detection", "--out", "o")).toBe(0);
    expect(await files()).toEqual(["x.json", "x.png"]);
    expect(await document("o/x.json")).toMatchObject({ maps: [], files: { sheet: null }, empty });
    expect(run.stdout()).toContain("No zebra.");
  });

  it("all go when one of them cannot be written", async () => {
    const writeFile = (path: string) =>
      path.endsWith("sheet.png") ? Promise.reject(new WhyboxError("output", "full")) : Promise.resolve();
    const run = createWorld({ cwd, result: () => resultPerDetection, services: { writeFile } });
    expect(await run.run("explain", "x.jpg", "--per-detection")).toBe(6);
    expect(await readdir(cwd)).toEqual(["x.jpg"]);
  });
});

describe("--box", () => {
  const argv = ["explain", "x.jpg", "--box", "1", "1", "3.5", "3", "--class", "dog", "--out", "o"];

  it("asks the engine, draws the box above the detections, and tells the verdict", async () => {
    const run = createWorld({ cwd, result: () => ({ ...fakeResult, explained: [], asked }) });
    expect([await run.run(...argv), run.stderr()]).toEqual([0, ""]);
    const box = { x1: 1, y1: 1, x2: 3.5, y2: 3, className: "dog" };
    expect(run.explains).toMatchObject([{ box }]);
    expect(run.calls).toContain("render opacity=0.6 boxes=true detections=3 asked=dog\u001b[31m");
    expect(run.stdout()).toContain("\n  dog\\x1b[31m at 1 1 3 3? Not detected: no.\n");
    expect(run.stdout()).not.toContain("explained by");
    const { frame: _, ...boxImage } = asked.boxImage;
    expect(await document("o/x.json")).toMatchObject({
      options: { box },
      asked: { boxImage, detection: null, verdict: "Not detected: no." },
    });
  });

  it("is drawn where nothing was detected, too", async () => {
    const run = createWorld({ cwd, result: () => ({ ...emptyResult, empty: undefined, asked }) });
    await run.run(...argv);
    expect(run.calls).toContain("render opacity=0.6 boxes=true detections=1 asked=dog\u001b[31m");
  });

  it("rejects a folder of several images", async () => {
    await putImages(cwd, "y.jpg");
    const run = createWorld({ cwd });
    expect(await run.run("explain", ".", ...argv.slice(2))).toBe(2);
    expect(run.stderr()).toContain("--box needs a single image, but the source contains 2 images.");
    expect(run.calls).toEqual([]);
  });
});

describe("what is left to the engine", () => {
  it.each([
    [[], []],
    [["--versus", "cat"], ["versus"]],
    [["--method", "tap-fusion"], ["method"]],
    [["--backprop", "class"], ["backprop"]],
    [
      ["--method", "D-RISE", "--samples", "5"],
      ["method", "samples"],
    ],
  ])("%j", async (argv, keys) => {
    const run = createWorld({ cwd });
    expect(await run.run("explain", "x.jpg", ...argv)).toBe(0);
    const open = ["method", "backprop", "versus", "samples", "box"];
    expect(open.filter((key) => key in (run.explains[0] as object))).toEqual(keys);
  });
});

it("prints the numbers that a method reports in one line", async () => {
  const note = (name: string, value: number) => ({ name, value, layer: "model.9", detections: [0] });
  const notes = [
    ...[note("spectral gap", 0.84219), note("spectral gap", 0.5), note("masks", 250)],
    ...[1, 2, 3, 4.5678].map((value) => note("completenessGap", -value)),
  ];
  const run = createWorld({ cwd, result: () => ({ ...fakeResult, notes }) });
  await run.run("explain", "x.jpg", "--out", "o");
  expect(run.stdout()).toContain("\n  spectral gap 0.842, 0.5; masks 250; completeness gap -4.57 to -1\n");
  expect((await document("o/x.json")).notes).toEqual(notes);
});
