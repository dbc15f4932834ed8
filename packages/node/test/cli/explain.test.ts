import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { beforeEach, describe, expect, it } from "vitest";
import {
  createWorld,
  emptyResult,
  fakeResult,
  putImages,
  readersOf,
  resultPerDetection,
  temporaryFolder,
} from "./fake-world.js";

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
});

const world = (options: Parameters<typeof createWorld>[0] = {}) => createWorld({ cwd, ...options });
const { resultFiles, json, printed } = readersOf(() => cwd);
const fails =
  (code: WhyboxErrorCode, message = "no") =>
  () =>
    Promise.reject(new WhyboxError(code, message));

describe("whybox explain", () => {
  it("writes the overlay and the document, and shows what was found", async () => {
    await putImages(cwd, "dog.jpg");
    const run = world({ result: () => resultPerDetection });
    expect(await run.run("explain", "dog.jpg")).toBe(0);
    expect(await resultFiles()).toEqual(["dog.json", "dog.png", "dog.sheet.png"]);
    const folder = join("runs/explain/exp/");
    expect(run.stdout().replace(/\d+ ms: \d+ to read, 15 to explain, \d+ to draw/, "TIMES")).toBe(
      [
        "dog.jpg (6×4): 2 detections, GradCAM per detection",
        "  #  class        confidence      box x1 y1 x2 y2  level  heat in box, × uniform",
        "  0  dog                0.88     1    1    5    3  P3      50\u00a0%   1.5×",
        "  1  cat\\x1b[31m        0.50     0    0    2    2  P4     no heat",
        "  0: The detector's confidence in this dog depends mostly on the area inside its box, and partly on its surroundings.",
        "  This layer cannot see detection 1; use the layer auto.",
        "  TIMES",
        `  Saved ${folder}dog.png, ${folder}dog.sheet.png, ${folder}dog.json`,
        "",
      ].join("\n"),
    );
    expect(run.stderr()).toBe("");
    // The thread of the detector ends while the files are made.
    expect(run.calls).toEqual([
      "load",
      "explain",
      "dispose",
      "render opacity=0.6 boxes=true detections=2",
      "sheet 0  dog  0.88 | 1  cat[31m #0  0.50",
    ]);
  });

  it("shows for one map of the image which layers explain which detection", async () => {
    await putImages(cwd, "dog.jpg");
    const run = world();
    await run.run("explain", "dog.jpg", "--per", "image");
    expect(run.stdout()).toContain(
      [
        "dog.jpg (6×4): 2 detections, GradCAM",
        "  #  class        confidence      box x1 y1 x2 y2  level  explained by",
        "  0  dog                0.88     1    1    5    3  P3     model.17",
        "  1  cat\\x1b[31m        0.50     0    0    2    2  P4     blind: model.17",
      ].join("\n"),
    );
  });

  it("passes every option on, and writes them all into the document", async () => {
    await putImages(cwd, "dog.jpg");
    const run = world();
    const code = await run.run(
      ...["explain", "dog.jpg", "--weights", "best.onnx", "--names", "n.txt", "--method", "Takes-All"],
      ...[
        "--layer",
        "17",
        "-2",
        "/model.9/x",
        "--class-names",
        "dog",
        "cat",
        "--backprop",
        "class",
        "confidence",
        "class",
      ],
      ...[
        "--backward-per-class",
        "--topk",
        "3",
        "--imgsz",
        "320",
        "640",
        "--conf",
        "0.5",
        "--iou",
        "0",
        "--max-det",
        "7",
      ],
      ...["--agnostic-nms", "--device", "webgpu", "--threads", "2", "--out", "o", "--save", "json", "npy"],
      ...[
        "--frame",
        "input",
        "--colormap",
        "viridis",
        "--opacity",
        "1",
        "--hide-boxes",
        "--hide-labels",
        "--side-by-side",
      ],
      ...["--eigen-smooth", "--aug-smooth", "--keep-only-topk", "12.5", "--compat", "--seed", "7", "--samples", "99"],
      ...["--input-range", "255", "--input-channels", "bgr", "--padding", "end"],
      ...["--fit", "crop", "--input-crop", "0.875", "--mean", "104", "117", "-1.5", "--std", "57", "57", "57"],
    );
    expect([code, run.stderr()]).toEqual([0, ""]);
    expect(run.loads).toMatchObject([
      {
        weights: "best.onnx",
        options: {
          ...{ names: "n.txt", device: "webgpu", threads: 2 },
          input: {
            ...{ range: 255, channels: "bgr", padding: "end", fit: "crop", crop: 0.875 },
            ...{ mean: [104, 117, -1.5], std: [57, 57, 57] },
          },
        },
      },
    ]);
    const passed = {
      method: "takes-all",
      layer: [17, -2, "/model.9/x"],
      classNames: ["dog", "cat"],
      backprop: ["class", "confidence"],
      backwardPerClass: true,
      topk: 3,
      per: "image",
      scale: "each",
      eigenSmooth: true,
      augSmooth: true,
      keepTopPercent: 12.5,
      compat: true,
      seed: 7,
      samples: 99,
      confidence: 0.5,
      iou: 0,
      maxDetections: 7,
      agnostic: true,
      imageSize: [320, 640],
    };
    expect(run.explains).toMatchObject([passed]);
    expect((await json("o/dog.json")).options).toMatchObject({
      ...(run.explains[0] as object),
      // What the engine says it took.
      method: "GradCAM",
      backprop: ["class"],
      versus: null,
      box: null,
      ablateTo: null,
      crop: false,
      cropKeep: false,
      device: "webgpu",
      threads: 2,
      save: ["npy", "json"],
      frame: "input",
      colormap: "viridis",
      opacity: 1,
      hideBoxes: true,
      hideLabels: true,
      sideBySide: true,
    });
    expect(await readFile(join(cwd, "o/dog.heatmap.npy"), "utf8")).toBe("npy 32x64");
  });

  it("has the defaults that it documents", async () => {
    await putImages(cwd, "dog.jpg");
    const run = world();
    await run.run("explain", "dog.jpg");
    expect(run.loads[0]).toMatchObject({ weights: "yolov5s", options: { device: "cpu" } });
    expect(run.loads[0]!.options).not.toHaveProperty("threads");
    expect(run.loads[0]!.options).not.toHaveProperty("input");
    expect(run.explains).toMatchObject([
      {
        layer: "auto",
        classNames: [],
        backwardPerClass: false,
        topk: 10,
        per: "detection",
        scale: "each",
        eigenSmooth: false,
        augSmooth: false,
        keepTopPercent: 100,
        compat: false,
        seed: 0,
        iou: 0.45,
        agnostic: false,
      },
    ]);
    // Their defaults depend on the task of the model.
    for (const name of ["confidence", "maxDetections"]) expect(run.explains[0]).not.toHaveProperty(name);
  });

  it.each([
    [
      ["a.jpg", "--layer", "17", "20"],
      [17, 20],
    ],
    [["a.jpg", "--layer", "-2"], [-2]],
    [["--layer", "-2", "--", "a.jpg"], [-2]],
    [
      ["--layer", "-2", "-3", "--conf", "0.1", "a.jpg"],
      [-2, -3],
    ],
    [["--layer=-2", "--conf", "0.1", "a.jpg"], [-2]],
    [["a.jpg", "--layer", "auto"], "auto"],
    [["a.jpg", "--layer", "Conv_0"], ["Conv_0"]],
  ])("reads layers: %j", async (argv, layer) => {
    await putImages(cwd, "a.jpg");
    const run = world();
    expect([await run.run("explain", ...argv), run.stderr()]).toEqual([0, ""]);
    expect(run.explains).toMatchObject([{ layer }]);
  });

  it("takes sources that look like options after --", async () => {
    await putImages(cwd, "--json.jpg");
    const run = world();
    expect(await run.run("explain", "--", "--json.jpg")).toBe(0);
    expect(await resultFiles()).toEqual(["_json.json", "_json.png"]);
  });

  it("writes one square size for both sides", async () => {
    await putImages(cwd, "a.jpg");
    const run = world();
    await run.run("explain", "a.jpg", "--imgsz", "320");
    expect(run.explains).toMatchObject([{ imageSize: [320, 320] }]);
  });

  it("never overwrites: not an earlier run, not a second x, not a file in --out", async () => {
    await mkdir(join(cwd, "a"));
    await mkdir(join(cwd, "b"));
    await putImages(join(cwd, "a"), "x.jpg");
    await putImages(join(cwd, "b"), "X.png");
    expect(await world().run("explain", "a", "b")).toBe(0);
    expect(await resultFiles()).toEqual(["X-2.json", "X-2.png", "x.json", "x.png"]);
    expect((await json("runs/explain/exp/X-2.json")).image.source).toBe(join("b", "X.png"));
    expect(await world().run("explain", "a/x.jpg")).toBe(0);
    expect(await resultFiles("runs/explain/exp2")).toEqual(["x.json", "x.png"]);
    for (let i = 0; i < 2; i++) expect(await world().run("explain", "a/x.jpg", "--out", "o")).toBe(0);
    expect(await resultFiles("o")).toEqual(["x-2.json", "x-2.png", "x.json", "x.png"]);
  });

  it("continues after an invalid image and reports it in summary and exit code", async () => {
    await putImages(cwd, "1.jpg", "2bad.jpg", "3.jpg");
    const run = world();
    expect(await run.run("explain", ".", "missing.jpg")).toBe(3);
    expect(await resultFiles()).toEqual(["1.json", "1.png", "3.json", "3.png"]);
    expect(run.stderr()).toContain(`error: ${join(cwd, "2bad.jpg")} is text by its content.`);
    expect(run.stderr()).toContain("error: missing.jpg: no such file");
    expect(run.stderr()).toContain("4 sources: 2 explained, 0 without a heatmap, 2 failed; results in");
  });

  it("puts the source in front of errors that do not name it", async () => {
    await putImages(cwd, "1.jpg");
    const run = world({ services: { decodeImage: fails("limit", "too large") } });
    expect(await run.run("explain", "1.jpg")).toBe(3);
    expect(run.stderr()).toBe("error: 1.jpg: too large\n");
  });

  it("loads no model when there is nothing to explain, and leaves no folder", async () => {
    const run = world();
    expect(await run.run("explain", "missing.jpg", "no/*.png")).toBe(3);
    expect([run.calls, await readdir(cwd)]).toEqual([[], []]);
  });

  it("loads no model when the folder cannot be written", async () => {
    await putImages(cwd, "a.jpg");
    await writeFile(join(cwd, "o"), "");
    await writeFile(join(cwd, "runs"), "");
    for (const argv of [["a.jpg", "--out", "o"], ["a.jpg", "--out", "o/below"], ["a.jpg"]]) {
      const run = world();
      expect(await run.run("explain", ...argv)).toBe(6);
      expect(run.calls).toEqual([]);
      expect(run.stderr()).toMatch(/^error: Cannot write results to .*: a file .*--out/);
    }
  });

  it("leaves no folder behind when the model cannot be loaded", async () => {
    await putImages(cwd, "a.jpg");
    const run = world({ services: { loadDetector: fails("unsupported-model", "m.onnx: a classifier") } });
    expect(await run.run("explain", "a.jpg")).toBe(4);
    expect(await readdir(cwd)).toEqual(["a.jpg"]);
    expect(run.stderr()).toBe("error: m.onnx: a classifier\n");
  });

  it("keeps all files of an image or none when the disk fills up", async () => {
    await putImages(cwd, "a.jpg", "b.jpg");
    const writeOne: string[] = [];
    const run = world({
      services: {
        writeFile: async (path, bytes) => {
          if (path.endsWith("b.json")) throw new WhyboxError("output", `${path}: the disk is full (ENOSPC).`);
          writeOne.push(path);
          await writeFile(path, bytes);
        },
      },
    });
    expect(await run.run("explain", "a.jpg", "b.jpg", "--json")).toBe(6);
    expect(writeOne).toHaveLength(3);
    expect(await resultFiles()).toEqual(["a.json", "a.png"]);
    expect(printed(run)).toMatchObject({
      error: { code: "output" },
      summary: { explained: 1, failed: 0, notTried: 1, exitCode: 6 },
    });
  });

  it("tells the first failure when what was written cannot be removed either", async () => {
    await putImages(cwd, "a.jpg");
    const run = world({
      services: {
        writeFile: async (path) => {
          if (path.endsWith(".json")) throw new WhyboxError("output", `${path}: the disk is full (ENOSPC).`);
          await mkdir(path); // a file's removal fails on it
        },
      },
    });
    expect(await run.run("explain", "a.jpg")).toBe(6);
    expect(run.stderr()).toBe(`error: ${join(cwd, "runs/explain/exp/a.json")}: the disk is full (ENOSPC).\n`);
  });

  it.each(["usage", "unsupported-model", "no-gradient", "output", "aborted"] as const)(
    "stops at %s, which would fail every image",
    async (code) => {
      await putImages(cwd, "a.jpg", "b.jpg");
      const run = world({ services: { encodePng: fails(code) } });
      await run.run("explain", "a.jpg", "b.jpg");
      expect(run.calls.filter((call) => call === "explain")).toHaveLength(1);
      expect(run.stderr()).toContain("2 sources: 0 explained, 0 without a heatmap, 0 failed, 2 not tried");
      expect(run.calls.at(-1)).toBe("dispose");
    },
  );

  it("stops when the runtime rejects the first image, continues when an earlier one worked", async () => {
    await putImages(cwd, "1.jpg", "2.jpg", "3.jpg");
    const refusing = (from: number, to: number) => {
      let images = 0;
      return world({
        result: () => {
          if (++images >= from && images <= to) throw new WhyboxError("runtime", "refused");
          return fakeResult;
        },
      });
    };
    const never = refusing(1, 3);
    expect(await never.run("explain", ".", "--json")).toBe(8);
    expect(printed(never).summary).toMatchObject({ explained: 0, failed: 0, notTried: 3 });
    const once = refusing(2, 2);
    expect(await once.run("explain", ".", "--json")).toBe(8);
    expect(printed(once).summary).toMatchObject({ explained: 2, failed: 1, notTried: 0 });
  });

  it("reports an image without detections, copies it unchanged, and succeeds", async () => {
    await putImages(cwd, "grass.jpg");
    const run = world({ result: () => emptyResult });
    expect(await run.run("explain", "grass.jpg")).toBe(0);
    expect(run.calls).toEqual(["load", "explain", "dispose"]);
    expect(run.stdout()).toContain("grass.jpg (6×4): 0 detections");
    expect(run.stdout()).toContain("Nothing was detected with a confidence of at least 0.25.");
    expect(await json("runs/explain/exp/grass.json")).toMatchObject({
      empty: { reason: "no-detection" },
      detections: [],
    });
  });

  it("exits with 5 for it on request", async () => {
    await putImages(cwd, "grass.jpg");
    const run = world({ result: () => emptyResult });
    expect(await run.run("explain", "grass.jpg", "--require-detections", "--quiet")).toBe(5);
    expect(run.stderr()).toBe("error: nothing was detected in 1 image, and --require-detections was given.\n");
    expect(await resultFiles()).toEqual(["grass.json", "grass.png"]);
  });

  it("draws the boxes that are there when the heatmap is about none of them", async () => {
    await putImages(cwd, "a.jpg");
    const empty = { reason: "class-not-detected" as const, message: "No horse." };
    const run = world({ result: () => ({ ...fakeResult, explained: [], empty }) });
    expect(await run.run("explain", "a.jpg", "--hide-boxes", "--require-detections")).toBe(0);
    expect(run.calls).toContain("render opacity=0.6 boxes=false detections=2");
    expect(run.stdout()).toContain("No horse.");
  });
});
