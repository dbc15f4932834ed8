import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { defaultMethods } from "../../src/methods/index.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType, type Dim } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";

const port = createOrtPort(ort as never);
const [H, W] = [64, 96];

/** What PyTorch finds: see fixtures/make/black-box.py. */
const folder = new URL("../../../../fixtures/black-box/", import.meta.url);
const known = JSON.parse(readFileSync(new URL("faster-rcnn.json", folder), "utf8")) as {
  readonly boxes: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly scores: readonly number[];
};
const fasterRcnn = () => new Uint8Array(gunzipSync(readFileSync(new URL("faster-rcnn.onnx.gz", folder))));
const names = ["background", "a", "b", "c"];

/** The image of the fixture has fractions; this one has bytes. */
const image = { height: H, width: W, data: Uint8Array.from({ length: H * W * 3 }, (_, i) => (i * i * 89) % 251) };

describe("a Faster R-CNN of torchvision", () => {
  it("is explained by methods that only run the network, and says so", async () => {
    const detector = await createDetector(fasterRcnn(), port, { threads: 1, names });
    const { head, layers } = detector.facts;
    expect(head.kind).toBe("black-box");
    expect(detector.facts.classNames).toEqual(["a", "b", "c"]);
    expect(head.assumed).toContain("labels count from 1, after the background");
    expect(head.assumed?.[0]).toBe("no gradients: only methods that run the network");
    expect(layers.every(({ differentiable }) => !differentiable)).toBe(true);
    const options = { confidence: 0.2, iou: 1 };
    const { detections } = await detector.detect(image, options);
    expect(detections.length).toBeGreaterThan(1);
    const explained = await detector.explain(image, { ...options, method: "D-RISE", samples: 60, detections: [0] });
    expect(explained.heatmap.data.some((value) => value > 0)).toBe(true);
    const refused = detector.explain(image, { ...options, method: "GradCAM" });
    await expect(refused).rejects.toMatchObject({ code: "no-gradient" });
    await expect(refused).rejects.toThrow(/Use a method that only runs the network: D-RISE, /);
    await detector.dispose();
  });

  it("works with every method that the error names", async () => {
    const detector = await createDetector(fasterRcnn(), port, { threads: 1, names });
    const options = { confidence: 0.2, detections: [0] };
    const refusal = await detector.explain(image, { ...options, method: "GradCAM" }).catch((error) => error);
    const named = refusal.details.expected as string[];
    expect(named.length).toBeGreaterThan(5);
    for (const { id, samples } of defaultMethods.filter((method) => named.includes(method.id))) {
      const given = { ...options, ...(samples === undefined ? {} : { samples: 8 }), method: id as never };
      const { heatmap } = await detector.explain(image, given);
      expect(heatmap.data.every(Number.isFinite), id).toBe(true);
    }
    await detector.dispose();
  });
});

interface Boxes {
  readonly name: string;
  readonly shape: readonly Dim[];
  readonly values: readonly number[];
  readonly type?: number;
}

/** A network with constant boxes behind a selection that Whybox cannot follow. */
function selecting(outputs: readonly Boxes[]): Uint8Array {
  const build = new GraphBuilder("n");
  build.input("image", [1, 3, H, W]);
  const weights = build.floats([2, 3, 8, 8], new Float32Array(384));
  const map = build.op("Conv", ["image", weights], { strides: [8, 8], kernel_shape: [8, 8] });
  const [top] = build.ops(
    "TopK",
    [build.op("Floor", [build.op("Reshape", [map, build.ints([-1])])]), build.ints([1])],
    2,
  );
  const zero = build.op("Mul", [top!, build.float(0)]);
  for (const { name, shape, values, type = DataType.FLOAT } of outputs) {
    const dims = shape.map((side) => (typeof side === "number" ? side : -1));
    const floats: Value = build.op("Add", [build.floats([values.length], values), zero]);
    const shaped = build.op("Reshape", [floats, build.ints(dims)]);
    build.node("Cast", [shaped], [name], { to: type });
    build.output(name, shape, type);
  }
  const opsets = new Map([["", 21]]);
  return encodeModel({
    ...{ irVersion: 10, opsets, producerName: "", producerVersion: "", metadata: new Map(), graph: build.graph("n") },
  } as never);
}

const list = (name: string, values: readonly number[], type?: number): Boxes => ({
  ...{ name, shape: [1, values.length], values },
  ...(type === undefined ? {} : { type }),
});

it.each<[string, readonly Boxes[]]>([
  [
    "pixels, with integer labels",
    [
      { name: "b", shape: [1, 2, 4], values: [8, 16, 40, 48, 0, 0, 9, 9] },
      list("s", [0.9, 0.1]),
      list("l", [2, 1], DataType.INT64),
    ],
  ],
  [
    "TensorFlow's shares y1 x1 y2 x2",
    [
      { name: "detection_boxes", shape: [1, 2, 4], values: [16 / H, 8 / W, 48 / H, 40 / W, 0, 0, 0.1, 0.1] },
      list("detection_classes", [2, 1]),
      list("detection_scores", [0.9, 0.1]),
      { name: "num_detections", shape: [1], values: [2] },
    ],
  ],
  [
    "boxes with their score",
    [
      { name: "dets", shape: [1, 2, 5], values: [8, 16, 40, 48, 0.9, 0, 0, 9, 9, 0.1] },
      list("labels", [2, 1], DataType.INT64),
    ],
  ],
  [
    "centres and sizes, by their name",
    [
      { name: "boxes_cxcywh", shape: [1, 2, 4], values: [24, 32, 32, 32, 4, 4, 9, 9] },
      list("s", [0.9, 0.1]),
      list("l", [2, 1], DataType.INT64),
    ],
  ],
  ["one table", [{ name: "t", shape: ["n", 6], values: [8, 16, 40, 48, 0.9, 2, 0, 0, 9, 9, 0.1, 1] }]],
])("reads %s", async (_, outputs) => {
  const detector = await createDetector(selecting(outputs), port, { threads: 1 });
  const { detections } = await detector.detect(image, { confidence: 0.5 });
  await detector.dispose();
  expect(detections).toHaveLength(1);
  const { classIndex, confidence, boxInput } = detections[0]!;
  expect(classIndex).toBe(2);
  expect(confidence).toBeCloseTo(0.9, 6);
  const corners = [boxInput.x1, boxInput.y1, boxInput.x2, boxInput.y2];
  expect(corners.map((side) => Math.round(side * 100) / 100)).toEqual([8, 16, 40, 48]);
});

it("loses no boxes and no labels of a model that gives many", async () => {
  const boxes = Array.from({ length: 700 }, (_, i) => [i % 50, 0, 10 + (i % 50), 20]).flat();
  const scores = Array.from({ length: 700 }, (_, i) => 0.9 - i / 1000);
  const labels = Array.from({ length: 700 }, (_, i) => i * 2);
  const file = selecting([
    { name: "b", shape: [1, 700, 4], values: boxes },
    list("s", scores),
    list("l", labels, DataType.INT64),
  ]);
  const detector = await createDetector(file, port, { threads: 1 });
  const { detections } = await detector.detect(image, { confidence: 0.1, maxDetections: 1000 });
  expect(detections).toHaveLength(700);
  expect(detections.map(({ classIndex }) => classIndex)).toEqual(labels.map((label) => Math.min(label, 999)));
  expect(detector.facts.head.assumed).toContain("labels count from 0, and those from 999 on are one class");
  await detector.dispose();
});

it("refuses boxes of a plugin that the runtime does not have, and names it", async () => {
  const build = new GraphBuilder("n");
  build.input("image", [1, 3, H, W]);
  build.nodes.push({
    ...build.nodes[0]!,
    opType: "Detect_TRT",
    domain: "TRT",
    name: "plugin",
    inputs: ["image"],
    outputs: ["b", "s", "l"],
    attributes: new Map(),
  });
  build.output("b", [1, 9, 4]);
  build.output("s", [1, 9]);
  build.output("l", [1, 9], DataType.INT32);
  const opsets = new Map([
    ["", 21],
    ["TRT", 1],
  ]);
  const model = {
    irVersion: 10,
    opsets,
    producerName: "",
    producerVersion: "",
    metadata: new Map(),
    graph: build.graph("n"),
  };
  const opening = createDetector(encodeModel(model as never), port, { threads: 1 });
  await expect(opening).rejects.toThrow(
    /its boxes come from node "plugin" \(TRT.Detect_TRT\), which ONNX Runtime does not have/,
  );
});

it("gives PyTorch's boxes, scores and labels", async () => {
  const { model, head, inputName } = await loadModel(readModel(fasterRcnn()), port, { threads: 1, names });
  const session = await port.createSession(encodeModel(buildPrefix(model, [head.output])), { threads: 1 });
  const data = Float32Array.from({ length: 3 * H * W }, (_, i) => (i * i * 0.6180339887) % 1);
  const input = await port.upload("float32", [1, 3, H, W], data);
  const { [head.output]: output } = await session.run({ [inputName]: input }, [head.output]);
  const found = (await output!.read()) as Float32Array;
  await session.release();
  expect(output!.dims).toEqual([1, 300, 8]);
  const rows = known.boxes.map(([x1 = 0, y1 = 0, x2 = 0, y2 = 0], i) => {
    const classes = names.slice(1).map((_, k) => Number(k + 1 === known.labels[i]));
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, known.scores[i]!, ...classes];
  });
  const wanted = rows.flat();
  expect(Math.max(...wanted.map((value, i) => Math.abs(value - found[i]!)))).toBeLessThan(1e-3);
  expect(found.subarray(wanted.length).every((value) => value === 0)).toBe(true);
});
