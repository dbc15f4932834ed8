import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../../src/explain/create-detector.js";
import type { ExplainOptions } from "../../../src/explain/options/options.js";
import type { ExplainResult } from "../../../src/explain/result/result.js";
import type { RgbImage } from "../../../src/image/frame.js";
import { encodeModel } from "../../../src/onnx/encode.js";
import { modelFormat } from "../../../src/readers/model-format.js";
import { readTorch } from "../../../src/readers/torch/read-torch.js";
import { createOrtPort } from "../../../src/runtime/ort-port.js";

const fixture = (file: string) => readFileSync(new URL(`../../../../../fixtures/torch/${file}`, import.meta.url));

const size = 64;
const image: RgbImage = {
  width: size,
  height: size,
  data: Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * i * 7919) % 251),
};

/** What is found in the image, and the maps of `questions`. */
async function answers(bytes: Uint8Array, questions: readonly ExplainOptions[]): Promise<ExplainResult[]> {
  const detector = await createDetector(bytes, createOrtPort(ort), { threads: 1 });
  try {
    const found: ExplainResult[] = [];
    for (const question of questions) {
      found.push(await detector.explain(image, { imageSize: size, confidence: 1e-4, maxDetections: 3, ...question }));
    }
    return found;
  } finally {
    await detector.dispose();
  }
}

const questions: readonly ExplainOptions[] = [
  { method: "GradCAM" },
  { method: "LayerCAM", layer: 4, backprop: ["x_c"] },
  { method: "tap-fusion", per: "detection" },
];

describe.each(["yolov5-v7.pt", "yolov8.pt.gz", "yolo26.pt.gz"])("%s and the ONNX file that is made of it", (file) => {
  it("give the same detections and heatmaps", async () => {
    const checkpoint = file.endsWith(".gz") ? gunzipSync(fixture(file)) : fixture(file);
    const converted = encodeModel(readTorch(checkpoint));
    expect([modelFormat(checkpoint), modelFormat(converted)]).toEqual(["torch", "onnx"]);
    const [ours, theirs] = [await answers(checkpoint, questions), await answers(converted, questions)];
    for (const [i, { detections, heatmap, maps, layers }] of ours.entries()) {
      const other = theirs[i]!;
      expect(detections.length).toBeGreaterThan(0);
      expect(other.detections).toEqual(detections);
      expect(other.layers).toEqual(layers);
      expect(other.heatmap).toEqual(heatmap);
      expect(other.maps).toEqual(maps);
    }
    const lit = ours.filter(({ heatmap }) => heatmap.data.some((value) => value > 0.9));
    expect(lit.length).toBeGreaterThan(0);
  });
});
