// @module-tag long

import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Detector,
  decodeImage,
  type ExplainOptions,
  type ExplainResult,
  loadDetector,
  type RgbImage,
} from "whybox";
import { yolov5sPath } from "../support/yolov5s-path.js";

const photo = resolve(import.meta.dirname, "../../../../fixtures/photos/dog.jpg");

/** Of a map's largest value. docs/library.md states it. */
const bound = 1e-5;

/** Numbers of threads. Two detectors have one. */
const threads = [1, 1, 2, 4];
let detectors: Detector[];
let image: RgbImage;
beforeAll(async () => {
  const weights = await yolov5sPath();
  image = await decodeImage(photo);
  detectors = await Promise.all(threads.map((count) => loadDetector(weights, { threads: count })));
});
afterAll(() => Promise.all(detectors.map((detector) => detector.dispose())));

const values = ({ detections, heatmap, maps }: ExplainResult) => ({
  detections,
  maps: [heatmap, ...maps.map((map) => map.heatmap)].map(({ data }) => Array.from(data)),
});

/** The largest difference of two maps, as a part of the largest value. */
function distance(a: readonly number[], b: readonly number[]): number {
  let [largest, most] = [0, 0];
  for (const [i, value] of a.entries()) {
    largest = Math.max(largest, Math.abs(value));
    most = Math.max(most, Math.abs(value - b[i]!));
  }
  return most / largest;
}

describe("one question, asked again", () => {
  it.each<ExplainOptions>([
    { method: "GradCAM", layer: -2 },
    { method: "tap-fusion", per: "detection" },
    { method: "D-RISE", samples: 16, seed: 7, per: "detection" },
    { method: "SmoothGrad", samples: 3, seed: 7 },
  ])("has the same bits with as many threads, and the same map up to rounding with others: %j", async (given) => {
    const options = { imageSize: 256, maxDetections: 2, ...given };
    const found: ReturnType<typeof values>[] = [];
    for (const [i, detector] of detectors.entries()) {
      const results = [await detector.explain(image, options)];
      if (i > 0) results.push(await detector.explain(image, options));
      const [first, again = first!] = results.map(values);
      expect(again, `${threads[i]} threads`).toEqual(first);
      found.push(first!);
    }
    expect(found[1]).toEqual(found[0]);
    const most = Math.max(...found.flatMap(({ maps }) => maps.map((map, i) => distance(found[0]!.maps[i]!, map))));
    console.info(`${given.method}: the maps of 1, 2 and 4 threads differ by at most ${most} of their maximum`);
    expect(most).toBeLessThan(bound);
  });
});
