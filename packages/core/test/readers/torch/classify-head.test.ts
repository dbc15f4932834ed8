import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../../src/explain/create-detector.js";
import { readTorch } from "../../../src/readers/torch/read-torch.js";
import { createOrtPort } from "../../../src/runtime/ort-port.js";
import { errorOf } from "../../explain/error-of.js";
import { runOnnx } from "../run-onnx.js";
import { module, Network } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));
const port = createOrtPort(ort as never);
const image = { width: 96, height: 64, data: Uint8Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * 37) % 256) };

describe.each(["yolov8-cls", "yolo11-cls", "yolo26-cls"])("%s, made by PyTorch", (name) => {
  const bytes = gunzipSync(fixture(`${name}.pt.gz`));

  it("gives PyTorch's probabilities", async () => {
    const { input, outputs } = JSON.parse(fixture(`${name}.json`).toString());
    const pixels = Float32Array.from({ length: 3 * input[2] * input[3] }, (_, i) => (i * 0.6180339887) % 1);
    const found = (await runOnnx(readTorch(bytes), input, pixels)).get("output0")!;
    expect(found.dims).toEqual(outputs[0].shape);
    expect(found.data.every((value, k) => Math.abs(value - outputs[0].values[k]) < 1e-5)).toBe(true);
  });

  it("is a classifier with the preparation of its training, and is explained", async () => {
    const detector = await createDetector(bytes, port);
    const { head, input, stride } = detector.facts;
    expect([head.kind, head.task, stride]).toEqual(["classifier", "classify", 32]);
    expect(head.assumed).toBeUndefined();
    expect(input).toMatchObject({ fit: "crop", fitFrom: "metadata", crop: 1, mean: undefined, size: [64, 64] });
    const { letterbox, layers, detections, heatmap } = await detector.explain(image, { method: "LayerCAM" });
    await detector.dispose();
    expect(letterbox).toMatchObject({ inputSize: [64, 64], contentSize: [64, 96], padLeft: -16 });
    expect(detections[0]!.boxImage).toMatchObject({ x1: 16, y1: 0, x2: 80, y2: 64 });
    expect(["cat", "it's", "dog"]).toContain(detections[0]!.className);
    expect(layers).toMatchObject([{ channels: 24, size: [2, 2] }]);
    expect(heatmap.data.every(Number.isFinite)).toBe(true);
  });
});

interface HeadParts {
  readonly pool?: py.PyValue;
  readonly linear?: py.PyValue;
  readonly classes?: number;
}

/** A YOLOv5 classifier, of two classes by default. */
function classifier({ pool = poolTo(1), linear, classes = 2 }: HeadParts = {}): Uint8Array {
  const n = new Network();
  const from = { f: py.number(-1) };
  const parameters = { weight: n.floats([classes, 6]), bias: n.floats([classes]) };
  const head = module("models.common.Classify", {
    attributes: from,
    modules: {
      conv: n.conv(4, 6),
      pool,
      drop: module("torch.nn.modules.dropout.Dropout"),
      linear: linear ?? module("torch.nn.modules.linear.Linear", { parameters }),
    },
  });
  return n.zip(n.model([n.conv(3, 4, 3, 2, from), head]));
}

function poolTo(side: number): py.PyValue {
  return module("torch.nn.modules.pooling.AdaptiveAvgPool2d", { attributes: { output_size: py.number(side) } });
}

describe("YOLOv5's classifier", () => {
  it("gives logits, and is prepared as ImageNet's images", async () => {
    const detector = await createDetector(classifier(), port);
    const { head, input, classNames } = detector.facts;
    expect([head.kind, head.assumed?.length]).toEqual(["classifier", 1]);
    expect(input).toMatchObject({ fit: "crop", crop: 1, fitFrom: "metadata", normalisationFrom: "metadata" });
    expect([input.mean?.[0], input.std?.[0], input.size]).toEqual([0.485, 0.229, [224, 224]]);
    expect(classNames).toEqual(["cat", "it's"]);
    const { detections } = await detector.detect(image, { confidence: 0 });
    await detector.dispose();
    expect(detections.reduce((sum, { confidence }) => sum + confidence, 0)).toBeCloseTo(1, 5);
  });

  it("is refused if its pooling is another one, or its weights do not fit", () => {
    expect(errorOf(() => readTorch(classifier({ pool: poolTo(2) }))).message).toMatch(
      /"model\.1\.pool" .*expected torch\.nn\.AdaptiveAvgPool2d\(1\)/,
    );
    const parameters = { weight: new Network().floats([2, 5]) };
    const linear = module("torch.nn.modules.linear.Linear", { parameters });
    expect(errorOf(() => readTorch(classifier({ linear }))).message).toMatch(/"weight" of .*\[outputs, 6\]/);
  });

  it("is refused with more classes than the bound", () => {
    expect(errorOf(() => readTorch(classifier({ classes: 2 ** 16 + 1 }))).message).toMatch(/has 65537 classes/);
  });
});
