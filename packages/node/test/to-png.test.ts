import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Detector,
  decodeImage,
  drawHeatmap,
  drawingOptions,
  type ExplainResult,
  encodeModel,
  explainFiles,
  loadDetector,
  type PixelArray,
  plainResult,
  type RgbImage,
  toPng,
} from "whybox";
import { MINI_SIZE, makeImage, tameModel } from "../../core/test/support/mini-detector.js";

const image = makeImage(3, [80, 90]);
const options = { imageSize: MINI_SIZE, layer: -2, maxDetections: 3 } as const;
let folder: string;
let photo: string;
let detector: Detector;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-png-"));
  photo = join(folder, "dog.jpg");
  await copyFile(resolve(import.meta.dirname, "../../../fixtures/photos/dog.jpg"), photo);
  detector = await loadDetector(encodeModel(tameModel()), { threads: 1 });
});
afterAll(async () => {
  await detector.dispose();
  await rm(folder, { recursive: true });
});

/** A canvas that shows an image. */
function canvasOf({ width, height, data }: RgbImage) {
  const pixels = { width, height, data: new Uint8ClampedArray(width * height * 4).fill(255) };
  for (let i = 0; i < width * height; i++) pixels.data.set(data.subarray(i * 3, i * 3 + 3), i * 4);
  const context = {
    canvas: { width, height },
    getImageData: (): PixelArray => ({ ...pixels, data: pixels.data.slice() }),
    putImageData: (put: PixelArray) => pixels.data.set(put.data),
  };
  return { context, pixels };
}

describe("toPng", () => {
  it("draws what the command draws", async () => {
    const { folder: written } = await explainFiles({
      source: photo,
      weights: "yolov5s",
      out: join(folder, "out"),
      layer: -2,
      // The defaults of explainFiles are the reference's.
      colormap: drawingOptions.colormap.default,
      opacity: drawingOptions.opacity.default,
    });
    const command = await readFile(join(written, "dog.png"));
    const yolo = await loadDetector("yolov5s");
    try {
      const result = await yolo.explain(photo, { layer: -2 });
      expect(Buffer.compare(await toPng(result), command)).toBe(0);
    } finally {
      await yolo.dispose();
    }
  });

  it("draws on a canvas what it writes", async () => {
    // A part of the image has no heat, so that a crop changes it.
    const result = await detector.explain(image, { ...options, per: "detection", keepTopPercent: 50 });
    for (const look of [
      {},
      { detection: 1, colormap: "magma", opacity: 0.7 },
      { cropKeep: true, hideBoxes: true },
    ] as const) {
      const { context, pixels } = canvasOf(image);
      drawHeatmap(context, result, look);
      const [written, shown] = [await decodeImage(await toPng(result, look)), await decodeImage(pixels)];
      expect(Buffer.compare(Buffer.from(written.data), Buffer.from(shown.data))).toBe(0);
      expect(Buffer.compare(Buffer.from(written.data), Buffer.from(image.data))).not.toBe(0);
    }
  });

  it.each<[string, (result: ExplainResult) => Promise<unknown> | undefined, RegExp]>([
    ["another size", (result) => toPng(result, { image: makeImage(1, [4, 4]) }), /has 4 × 4 pixels, but .* 90 × 80/],
    ["a clone", (result) => toPng(structuredClone(result)), /cannot be read again\. Pass it/],
    [
      "no such map",
      (result) => toPng(result, { detection: 2 }),
      /detection is 2, but the result has no maps of single/,
    ],
    ["both crops", (result) => toPng(result, { crop: true, cropKeep: true }), /exclude each other/],
    ["a wrong option", (result) => toPng(result, { opacity: 7 }), /opacity is 7; expected a number from 0 to 1/],
  ])("refuses %s", async (_, draw, message) => {
    const result = await detector.explain(image, options);
    await expect(draw(result)).rejects.toMatchObject({ code: "usage", message: expect.stringMatching(message) });
  });
});

describe("a result", () => {
  it("goes into JSON and over a wire as it is", async () => {
    const result = await detector.explain(image, { ...options, per: "detection" });
    expect(JSON.parse(JSON.stringify(result))).toEqual(JSON.parse(JSON.stringify(plainResult(result))));
    const { port1, port2 } = new MessageChannel();
    const got = new Promise<ExplainResult>((done) => {
      port2.once("message", done);
    });
    port1.postMessage(result);
    for (const copy of [structuredClone(result), await got]) {
      expect(copy.heatmap).toEqual(result.heatmap);
      expect(copy.maps.map(({ heatmap }) => heatmap)).toEqual(result.maps.map(({ heatmap }) => heatmap));
      expect(copy.detections).toEqual(result.detections);
      expect(plainResult(copy)).toEqual(plainResult(result));
    }
    port1.close();
    const { detections, letterbox } = await detector.detect(image, options);
    expect(JSON.parse(JSON.stringify({ detections, letterbox })).detections).toHaveLength(3);
  });
});
