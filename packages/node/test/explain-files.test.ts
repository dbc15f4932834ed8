import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Detector,
  decodeImage,
  type ExplainFilesOptions,
  type ExplainOptions,
  type ExplainResult,
  explainFiles,
  loadDetector,
  resolveMethod,
  resolveScore,
  run,
} from "whybox";
import { yolov5sPath } from "./support/yolov5s-path.js";

const photo = resolve(import.meta.dirname, "../../../fixtures/photos/dog.jpg");
let out: string;
beforeAll(async () => {
  await yolov5sPath();
  out = await mkdtemp(join(tmpdir(), "whybox-run-"));
});

describe("explainFiles", () => {
  it("is exported by the reference's name, too", () => {
    expect(run).toBe(explainFiles);
  });

  const method = resolveMethod("HiResCAM");
  const score = resolveScore("class");
  const small = { source: photo, imgsz: 320, save: ["json"] } as const;
  const first = async (options: Partial<ExplainFilesOptions>) => {
    const { results, failures } = await explainFiles({ ...small, out, ...options });
    expect(failures).toEqual([]);
    return results[0]!;
  };

  it("has the reference's defaults", async () => {
    const { options, layers } = await first({});
    expect(options).toMatchObject({
      ...{ method: "GradCAM", layer: [-2], classNames: [], backprop: ["class"], backwardPerClass: false, topk: 10 },
      ...{ per: "image", scale: "each", versus: null, box: null, eigenSmooth: false, augSmooth: false, compat: false },
      ...{ keepTopPercent: 100, seed: 0, samples: null, crop: false, cropKeep: false, confidence: 0.25, iou: 0.45 },
    });
    expect(layers.map((layer) => layer.index)).toEqual([23]);
  });

  it("takes the options of the reference by their names", async () => {
    const folder = await mkdtemp(join(tmpdir(), "whybox-run-"));
    const { options, files } = await first({
      ...{ layer: [20, 23], backprop: ["class", "confidence"], backwardPerClass: true, keepOnlyTopk: 20, crop: true },
      ...{ augSmooth: true, eigenSmooth: true, save: ["png", "json"], out: folder },
    });
    expect(options).toMatchObject({
      ...{ layer: [20, 23], backprop: ["class", "confidence"], backwardPerClass: true, keepTopPercent: 20, crop: true },
      ...{ augSmooth: true, eigenSmooth: true },
    });
    expect((await readdir(folder)).sort()).toEqual([files.json, files.png]);
  });

  it("says what is read of a file with several images", async () => {
    const two = join(await mkdtemp(join(tmpdir(), "whybox-run-")), "two.tiff");
    const page = await sharp(photo).resize(64).png().toBuffer();
    await sharp([page, page], { join: { animated: true } })
      .tiff()
      .toFile(two);
    const notes: string[] = [];
    await first({ source: two, onNote: (text) => notes.push(text) });
    expect(notes).toEqual([`${two}: 2 pages. The first page is read.`]);
  });

  it("takes a method, a score and colours of one's own, and names them in the document", async () => {
    const folder = await mkdtemp(join(tmpdir(), "whybox-run-"));
    const given = {
      ...{ method: { ...method, id: "Mine" }, backprop: [{ ...score, id: "mine" }, "confidence" as const] },
      ...{ colormap: new Uint8Array(768).fill(9), opacity: 1, hideBoxes: true, hideLabels: true },
    };
    const { options, files } = await first({ ...given, layer: 20, save: ["png", "json"], out: folder });
    expect(options).toMatchObject({ method: "Mine", backprop: ["mine", "confidence"], colormap: "custom" });
    const { data } = await decodeImage(join(folder, files.png!));
    expect(data.every((byte) => byte === 9)).toBe(true);
  });

  it.each([
    [{ per: "detection" }, "tap-fusion", "auto"],
    [{ per: "class" }, "GradCAM", [-2]],
    [{ method: "tap-fusion-fast" }, "tap-fusion-fast", "auto"],
    [{ method: "HiResCAM" }, "HiResCAM", [-2]],
    [{ method: "gradient" }, "gradient", "auto"],
    [{ box: { x1: 400, y1: 350, x2: 640, y2: 540, className: "person" } }, "tap-fusion", "auto"],
  ] as const)("leaves layers to methods that one layer does not suit: %j", async (given, method, layer) => {
    expect((await first(given)).options).toMatchObject({ method, layer });
  });

  it.each([
    [{ crop: true, cropKeep: true }, /crop and cropKeep are opposites/],
    [{ keepOnlyTopk: 0 }, /keepOnlyTopk is 0; expected a number above 0/],
    [{ method: "nope" }, /There is no method "nope"/],
    [
      { source: [photo, resolve(photo, "../chelsea.png")], box: { x1: 0, y1: 0, x2: 9, y2: 9, className: "cat" } },
      /exactly one image; the source has 2/,
    ],
  ] as const)("refuses %j before anything is loaded", async (given, message) => {
    await expect(explainFiles({ ...small, out, ...given } as ExplainFilesOptions)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message),
    });
  });
});

describe("a loaded detector takes every option:", () => {
  let detector: Detector;
  let plain: ExplainResult;
  const explain = (options: ExplainOptions) => detector.explain(photo, { imageSize: 320, ...options });
  beforeAll(async () => {
    detector = await loadDetector(await yolov5sPath());
    plain = await explain({});
  });
  afterAll(() => detector?.dispose());
  const differs = (result: ExplainResult, other = plain) =>
    result.heatmap.data.some((value, i) => Math.abs(value - other.heatmap.data[i]!) > 0.01);
  const share = ({ heatmapInput: { data } }: ExplainResult) => data.filter((value) => value > 0).length / data.length;

  it.each([
    ["eigenSmooth", { eigenSmooth: true }],
    ["augSmooth", { augSmooth: true }],
    ["backprop", { backprop: ["class_sum"] }],
    ["per and scale", { per: "detection", scale: "common", method: "GradCAM" }],
  ] as const)("%s", async (_, options) => {
    const result = await explain(options);
    expect(result.empty).toBeUndefined();
    expect(differs(result)).toBe(true);
  });

  it("versus", async () => {
    const dog = { classNames: ["dog"] };
    const result = await explain({ ...dog, versus: "cat" });
    expect(result.backprop).toEqual(["contrast"]);
    expect(differs(result, await explain(dog))).toBe(true);
    expect(differs(result, await explain({ ...dog, versus: "bicycle" }))).toBe(true);
  });

  it("keepTopPercent", async () => {
    expect(share(await explain({ keepTopPercent: 5 }))).toBeCloseTo(0.05, 2);
    expect(share(plain)).toBeGreaterThan(0.06);
  });

  it("seed and samples", async () => {
    const masks = (seed: number, samples: number) => explain({ method: "D-RISE", seed, samples, imageSize: 160 });
    const [one, again, other] = [await masks(1, 8), await masks(1, 8), await masks(2, 8)];
    expect(one.notes.find((note) => note.name === "masks")!.value).toBe(8);
    expect([differs(one, again), differs(one, other)]).toEqual([false, true]);
  });

  it("compat", async () => {
    const eigen = (compat: boolean) => explain({ method: "AblationCAM", layer: 23, classNames: ["dog"], compat });
    expect(differs(await eigen(true), await eigen(false))).toBe(true);
  });

  it("common scale: the largest map reaches 1, the others what they are worth beside it", async () => {
    const { maps } = await explain({ per: "detection", scale: "common", method: "GradCAM" });
    const most = Math.max(...maps.map((map) => map.maximum));
    for (const { heatmap, maximum } of maps) {
      const peak = heatmap.data.reduce((a, b) => Math.max(a, b));
      expect(Math.abs(peak - maximum / most)).toBeLessThan(0.1);
    }
  });
});
