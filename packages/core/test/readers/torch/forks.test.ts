import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../../src/explain/create-detector.js";
import { loadModel } from "../../../src/explain/model/load-model.js";
import { readModel } from "../../../src/readers/read-model.js";
import { readCheckpoint, readTorch } from "../../../src/readers/torch/read-torch.js";
import { createOrtPort } from "../../../src/runtime/ort-port.js";
import { noise } from "../../support/noise.js";
import { runOnnx } from "../run-onnx.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));
const checkpoint = (name: string) => gunzipSync(fixture(`${name}.pt.gz`));
const port = createOrtPort(ort as never);

/** Name → class of the head, and what `loadModel` finds. */
const forks = {
  "yolov5-face": ["models.yolo.Detect", { task: "pose", classCount: 1, extraCount: 10 }],
  "yolov5-face-blaze": ["models.yolo.Detect", { task: "pose", classCount: 1, extraCount: 10 }],
  "yolov5-lite": ["models.yolo.Detect", { task: "detect", classCount: 2, extraCount: 0 }],
  yolov7: ["models.yolo.IDetect", { task: "detect", classCount: 2, extraCount: 0 }],
  "yolov7-fused": ["models.yolo.IDetect", { task: "detect", classCount: 2, extraCount: 0 }],
} as const;

describe.each(Object.entries(forks))("%s, made by PyTorch", (name, [headClass, head]) => {
  it("gives PyTorch's numbers", async () => {
    const expected = JSON.parse(fixture(`${name}.json`).toString()) as {
      input: number[];
      output: number[];
      values: number[];
    };
    const count = expected.input.reduce((a, b) => a * b);
    const input = Float32Array.from({ length: count }, (_, i) => (i * 0.6180339887) % 1);
    const { dims, data } = (await runOnnx(readTorch(checkpoint(name)), expected.input, input)).get("output0")!;
    expect(dims).toEqual(expected.output);
    const columns = dims[2]!;
    const [largest, worst] = [new Array<number>(columns).fill(0), new Array<number>(columns).fill(0)];
    for (const [i, value] of expected.values.entries()) {
      const c = i % columns;
      largest[c] = Math.max(largest[c]!, Math.abs(value));
      worst[c] = Math.max(worst[c]!, Math.abs(value - data[i]!));
    }
    for (let c = 0; c < columns; c++) expect(worst[c]! / largest[c]!, `column ${c}`).toBeLessThan(1e-5);
  });

  it("has a head with anchors, and gradients down to its first layers", async () => {
    const found = await loadModel(readModel(checkpoint(name)), port, { threads: 1 });
    expect(found.head).toMatchObject({ kind: "anchor-based", ...head });
    expect(found.head.levels.map(({ stride, anchors }) => [stride, anchors])).toEqual([
      [8, 3],
      [16, 3],
    ]);
    expect(readCheckpoint(checkpoint(name))).toMatchObject({ headClass, strides: [8, 16] });
    const detector = await createDetector(checkpoint(name), port, { threads: 1 });
    const image = { height: 64, width: 96, data: noise(64 * 96 * 3, 7) };
    const { detections, heatmap } = await detector.explain(image, {
      method: "LayerCAM",
      layer: 2,
      imageSize: 96,
      confidence: 0.1,
      maxDetections: 2,
    });
    await detector.dispose();
    expect(detections).toHaveLength(2);
    expect(detections[0]!.keypoints?.length).toBe(head.extraCount === 0 ? undefined : 5);
    expect(Math.max(...heatmap.data)).toBeGreaterThan(0.1);
  });
});

it("a fused YOLOv7 is the same network", async () => {
  const input = Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => (i % 13) / 13);
  const [plain, fused] = await Promise.all(
    ["yolov7", "yolov7-fused"].map(
      async (name) => (await runOnnx(readTorch(checkpoint(name)), [1, 3, 64, 64], input)).get("output0")!,
    ),
  );
  const largest = Math.max(...plain!.data);
  expect(Math.max(...plain!.data.map((value, i) => Math.abs(value - fused!.data[i]!))) / largest).toBeLessThan(1e-5);
});
