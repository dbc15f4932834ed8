import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Box,
  type CoreDetector,
  createDetector,
  createOrtPort,
  decodeImage,
  type ExplainOptions,
  type Map2D,
  type RgbImage,
} from "whybox";
import { yolov5sPath } from "./support/yolov5s-path.js";

/** YOLOv5s on the photo of dog, bicycle and truck, at 320 pixels: quick, and all three are found. */
let dog: RgbImage;
let detector: CoreDetector;
const size = { imageSize: 320 };

beforeAll(async () => {
  dog = await decodeImage(resolve(import.meta.dirname, "../../../fixtures/photos/dog.jpg"));
  detector = await createDetector(await readFile(await yolov5sPath()), createOrtPort(ort as never));
});
afterAll(() => detector?.dispose());

const explain = (options: ExplainOptions) => detector.explain(dog, { ...size, ...options });

/** Share of the map's sum inside a box. */
function energyIn({ data, width, height }: Map2D, { x1, y1, x2, y2 }: Omit<Box<"image">, "frame">): number {
  let [inside, all] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = data[y * width + x]!;
      all += value;
      if (x >= x1 && x < x2 && y >= y1 && y < y2) inside += value;
    }
  }
  return inside / all;
}

const mirrored = ({ height, width, data }: RgbImage): RgbImage => ({
  ...{ height, width },
  data: data.map((_, i) => {
    const pixel = Math.floor(i / 3);
    return data[3 * (pixel - (pixel % width) + (width - 1 - (pixel % width))) + (i % 3)]!;
  }),
});

describe("each detection on its own", () => {
  it("is told apart from the others: its map lies in its own box", async () => {
    const { maps, detections } = await explain({ per: "detection" });
    expect(detections.map(({ className }) => className).sort()).toEqual(expect.arrayContaining(["bicycle", "dog"]));
    for (const [i, { heatmap }] of maps.entries()) {
      const { boxImage } = detections[i]!;
      const area = (boxImage.x2 - boxImage.x1) * (boxImage.y2 - boxImage.y1);
      const share = energyIn(heatmap, boxImage);
      expect(share).toBeGreaterThan(0.45);
      expect(share).toBeGreaterThan((1.3 * area) / (heatmap.width * heatmap.height));
    }
  });

  it("shares passes between detections: one on windows, one on whole maps", async () => {
    let runs = 0;
    const port = createOrtPort(ort as never);
    const own = await createDetector(await readFile(await yolov5sPath()), {
      ...port,
      createSession: async (model, options) => {
        const session = await port.createSession(model, options);
        return {
          ...session,
          run: (feeds, outputs) => {
            runs++;
            return session.run(feeds, outputs);
          },
        };
      },
    });
    await own.detect(dog, size);
    runs = 0;
    const reads = { method: "LayerCAM", backprop: ["row"], layer: 9 } as const;
    const { maps, detections } = await own.explain(dog, { ...size, ...reads, per: "detection" });
    expect(maps.length).toBeGreaterThan(2);
    expect(maps.length).toBeLessThanOrEqual(8);
    expect(detections.length).toBe(maps.length);
    // The forward pass, a pass on windows, and a pass on whole maps for the detections whose window is most of this small image.
    expect(runs).toBe(3);
    await own.dispose();
  });

  it("equals what its class gives where it is the only one of it", async () => {
    const { maps } = await explain({ method: "GradCAM", per: "detection" });
    const perClass = await explain({ method: "GradCAM", per: "class" });
    const found = maps.find(({ className }) => className === "dog")!;
    const same = perClass.maps.find(({ className }) => className === "dog")!;
    expect(same.detections).toEqual(found.detections);
    const apart = same.heatmap.data.reduce((most, v, i) => Math.max(most, Math.abs(v - found.heatmap.data[i]!)), 0);
    expect(apart).toBeLessThan(1e-3);
  });
});

describe("why not?", () => {
  it("a cat where the bicycle is: it says what it saw instead", async () => {
    const { detections } = await detector.detect(dog, size);
    const { boxImage } = detections.find(({ className }) => className === "bicycle")!;
    const { asked, empty, heatmap } = await explain({ box: { ...boxImage, className: "cat" } });
    expect(asked!.detection).toBeUndefined();
    expect(asked!.verdict).toMatch(/^Not detected: objectness .* below the minimum confidence/);
    expect(asked!.bestClassName).not.toBe("cat");
    expect(empty).toBeUndefined();
    expect(Math.max(...heatmap.data.subarray(0, 1e5))).toBeLessThanOrEqual(1);
  });

  it("a box around the dog: it was detected", async () => {
    const { detections } = await detector.detect(dog, size);
    const found = detections.find(({ className }) => className === "dog")!;
    const { asked, heatmap } = await explain({ box: { ...found.boxImage, className: "dog" } });
    expect(asked!.detection).toBe(found.index);
    expect(asked!.verdict).toMatch(
      new RegExp(`^It was detected: detection ${found.index}\\. The row .* objectness .* × dog `),
    );
    expect(energyIn(heatmap, found.boxImage)).toBeGreaterThan(0.5);
  });
});

it("augSmooth explains the mirrored box: the map stays where the dog is, in the photo and in its mirror image", async () => {
  const options = { classNames: ["dog"], method: "GradCAM", augSmooth: true } as const;
  const there = await explain(options);
  const back = await detector.explain(mirrored(dog), { ...size, ...options });
  const box = there.detections.find(({ className }) => className === "dog")!.boxImage;
  const flipped = { x1: dog.width - box.x2, x2: dog.width - box.x1, y1: box.y1, y2: box.y2 };
  // GradCAM at the head input lights all of its kind; what counts is that nothing lies at the mirrored place.
  const away = { ...flipped, x1: Math.max(flipped.x1, box.x2), x2: dog.width };
  expect(energyIn(there.heatmap, box)).toBeGreaterThan(0.4);
  expect(energyIn(back.heatmap, flipped)).toBeGreaterThan(0.4);
  expect(energyIn(there.heatmap, away)).toBeLessThan(0.35);
});

it("class names beside a box, and aborted signals, are refused before anything runs", async () => {
  const box = { x1: 1, y1: 1, x2: 50, y2: 50, className: "dog" };
  await expect(explain({ box, classNames: ["dog"] })).rejects.toMatchObject({ code: "usage" });
  await expect(explain({ method: "D-RISE", signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
});

it("stops in the middle of many masks", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 300);
  await expect(explain({ method: "D-RISE", samples: 100_000, signal: controller.signal })).rejects.toMatchObject({
    ...{ name: "WhyboxError", code: "aborted" },
  });
});
