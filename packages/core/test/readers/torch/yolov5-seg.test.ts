import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../../src/explain/create-detector.js";
import type { ExplainOptions } from "../../../src/explain/options/options.js";
import type { ExplainResult } from "../../../src/explain/result/result.js";
import type { RgbImage } from "../../../src/image/frame.js";
import { maskArea } from "../../../src/image/mask.js";
import { readModel } from "../../../src/readers/read-model.js";
import { readTorch } from "../../../src/readers/torch/read-torch.js";
import { createOrtPort } from "../../../src/runtime/ort-port.js";
import type { ScoreId } from "../../../src/scores/score-id.js";
import { anchorHead } from "../../support/anchor-head.js";
import { exportBytes } from "../../support/exports.js";
import { distance, runOnnx } from "../run-onnx.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));
const checkpoint = gunzipSync(fixture("yolov5-seg.pt.gz"));

interface Expected {
  readonly input: readonly number[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly values: readonly number[] }[];
}

describe("a segmentation checkpoint of YOLOv5 v7.0, made by PyTorch", () => {
  it("gives PyTorch's boxes and prototypes", async () => {
    const expected = JSON.parse(fixture("yolov5-seg.json").toString()) as Expected;
    const input = Float32Array.from(
      { length: expected.input.reduce((a, b) => a * b) },
      (_, i) => (i * 0.6180339887) % 1,
    );
    const found = await runOnnx(readTorch(checkpoint), expected.input, input);
    expect([...found.keys()]).toEqual(["output0", "output1"]);
    for (const [i, { shape, values }] of expected.outputs.entries()) {
      const { dims, data } = found.get(`output${i}`)!;
      expect(dims).toEqual(shape);
      const scale = values.map((value) => Math.max(1, Math.abs(value)));
      const relative = (of: ArrayLike<number>) => Float32Array.from(scale, (by, at) => of[at]! / by);
      expect(distance(relative(data), relative(values))).toBeLessThan(2e-5);
    }
  });
});

const files = {
  "the checkpoint": () => checkpoint,
  "its export": () => exportBytes("v5-seg"),
  "its export for any size": () => exportBytes("v5-seg-dynamic"),
  "its export with raw maps": () => exportBytes("v5-seg-raw"),
} as const;
const image: RgbImage = {
  width: 64,
  height: 64,
  data: Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * i * 7919) % 251),
};

describe.each(Object.entries(files))("YOLOv5-seg: %s", (_, read) => {
  it("is a segmentation head with K classes and E coefficients", () => {
    const head = anchorHead(readModel(read()).graph);
    expect(head).toMatchObject({ kind: "anchor-based", task: "segment", classCount: 2, extraCount: 4 });
    expect(head.prototypes).toBe("output1");
    expect(head.levels.map(({ stride, anchors }) => [stride, anchors])).toEqual([
      [8, 3],
      [16, 3],
    ]);
  });

  it("has the masks and heatmaps of the checkpoint, of the class and of the mask score", async () => {
    for (const backprop of ["class", "mask"] as const) {
      const [own, reference] = [await explained(read(), backprop), await explained(checkpoint, backprop)];
      expect(own.detections.map(({ className }) => className)).toEqual(
        reference.detections.map((one) => one.className),
      );
      const areas = own.detections.map(({ mask }) => maskArea(mask!));
      expect(areas.some((area) => area > 0)).toBe(true);
      expect(own.detections.map(({ mask }) => mask)).toEqual(reference.detections.map(({ mask }) => mask));
      expect(Math.max(...own.heatmap.data)).toBeGreaterThan(0.9);
      expect(distance(Float32Array.from(own.heatmap.data), Float32Array.from(reference.heatmap.data))).toBeLessThan(
        1e-4,
      );
    }
  });
});

async function explained(bytes: Uint8Array, backprop: ScoreId): Promise<ExplainResult> {
  const detector = await createDetector(bytes, createOrtPort(ort), { threads: 1 });
  const options: ExplainOptions = {
    imageSize: 64,
    confidence: 0.3,
    maxDetections: 3,
    method: "GradCAM",
    layer: 8,
    backprop: [backprop],
  };
  try {
    expect(detector.classNames).toEqual(["cat", "it's"]);
    return await detector.explain(image, options);
  } finally {
    await detector.dispose();
  }
}
