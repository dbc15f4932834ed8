import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import type { Detection } from "../../src/detector/detection.js";
import { createDetector } from "../../src/explain/create-detector.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { GraphIndex } from "../../src/onnx/graph.js";
import { DataType, type Dim, type Model } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { modelOf } from "../onnx/support.js";
import { exportBytes } from "../support/exports.js";
import { noise } from "../support/noise.js";
import { runGraph } from "../support/ort.js";

const port = createOrtPort(ort as never);
const image = { height: 64, width: 64, data: noise(64 * 64 * 3, 7) };

async function answers(bytes: Uint8Array, confidence = 0.3) {
  const input = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const detector = await createDetector(bytes, port, { threads: 1, input });
  const { detections } = await detector.detect(image, { confidence, imageSize: 64 });
  const few = { confidence, imageSize: 64, maxDetections: 1 };
  const { heatmap: map } = await detector.explain(image, { ...few, method: "GradCAM" });
  const { heatmap: pixels } = await detector.explain(image, { ...few, method: "gradient" });
  await detector.dispose();
  return { detections, map, pixels, head: detector.facts.head, classes: detector.classNames.length };
}

/** A model with other outputs. */
function withOutputs(model: Model, outputs: readonly (readonly [Value, readonly Dim[]])[]): Model {
  const infos = outputs.map(([name, shape]) => ({ name, elemType: DataType.FLOAT, shape }));
  return { ...model, graph: { ...model.graph, outputs: infos } };
}

/** Expects the wanted detections among those found, in the same order. */
function expectThese(found: readonly Detection[], wanted: readonly Detection[]): void {
  const kept = found.filter(({ classIndex, row }) =>
    wanted.some((one) => one.row === row && one.classIndex === classIndex),
  );
  expect(kept.length).toBe(wanted.length);
  for (const [i, { confidence, boxInput }] of kept.entries()) {
    expect(confidence).toBeCloseTo(wanted[i]!.confidence, 5);
    expect(boxInput.x1).toBeCloseTo(wanted[i]!.boxInput.x1, 3);
    expect(boxInput.y2).toBeCloseTo(wanted[i]!.boxInput.y2, 3);
  }
}

describe("an output of boxes and one of classes", () => {
  const joined = readModel(exportBytes("rtdetr-plain"));
  const index = new GraphIndex(joined.graph);
  const [boxes, shares] = index.producer(joined.graph.outputs[0]!.name)!.inputs as [Value, Value];
  const logits = index.producer(shares)!.inputs[0]!;
  const joinedAnswers = answers(exportBytes("rtdetr-plain"));

  it.each([
    ["logits, in front", logits, true, ["batch", "queries", 3]],
    ["logits, behind, of sizes that are not told", logits, false, ["batch", "queries", "classes"]],
    ["probabilities", shares, true, [1, 40, 3]],
  ] as const)("of %s, is explained as one of both is", async (_, scores, scoresFirst, shape) => {
    const pair = [
      [scores, shape],
      [boxes, [shape[0], shape[1], 4]],
    ] as const;
    const found = await answers(encodeModel(withOutputs(joined, scoresFirst ? pair : [...pair].reverse())));
    const wanted = await joinedAnswers;
    expect(found.classes).toBe(3);
    expect(wanted.detections.length).toBeGreaterThan(0);
    expectThese(found.detections, wanted.detections);
    if (scores === shares) expect(found.pixels).toEqual(wanted.pixels);
  });

  it("reads corners in pixels, of queries that a selection follows", async () => {
    const b = new GraphBuilder("corners");
    const part = (from: number, to: number) =>
      b.op("Slice", [boxes, b.ints([from]), b.ints([to]), b.ints([2]), b.ints([1])]);
    const half = b.op("Mul", [part(2, 4), b.float(0.5)]);
    const corners = b.op("Concat", [b.op("Sub", [part(0, 2), half]), b.op("Add", [part(0, 2), half])], { axis: 2 });
    const pixels = b.op("Mul", [corners, b.float(64)]);
    const [best, at] = b.ops("TopK", [b.op("Reshape", [shares, b.ints([1, -1])]), b.ints([9])], 2) as [Value, Value];
    const row = b.op("Expand", [b.op("Unsqueeze", [b.op("Div", [at, b.int(3)]), b.ints([2])]), b.ints([1, 9, 4])]);
    const picked = b.op("GatherElements", [pixels, row], { axis: 1 });
    const nodes = [...joined.graph.nodes, ...b.nodes];
    const initializers = new Map([...joined.graph.initializers, ...b.initializers]);
    const model = { ...joined, graph: { ...joined.graph, nodes, initializers } };
    const outputs = [
      [picked, [1, 9, 4]],
      [best, [1, 9]],
    ] as const;
    const found = await answers(encodeModel(withOutputs(model, outputs)));
    const wanted = await joinedAnswers;
    expect(found.head.source).toBe(`queries: boxes "${pixels}" (corners, pixels), 3 classes "${shares}"`);
    // Behind a TopK a query counts for every class above the threshold.
    expectThese(found.detections, wanted.detections);
  });

  it("knows boxes from as many classes as a box has numbers, where the last layer's are picked of all and joined", async () => {
    const model = detr({ classes: 4, refined: true });
    const b = new GraphBuilder("joined");
    const layer = b.op("Unsqueeze", ["logits", b.ints([0])]);
    const last = b.op("Gather", [b.op("Concat", [layer, layer], { axis: 0 }), b.int(1)], { axis: 0 });
    const shares = b.op("Sigmoid", [last]);
    b.node("Concat", [shares, "pred_boxes"], ["joined"], { axis: 2 });
    const nodes = [...model.graph.nodes, ...b.nodes];
    const initializers = new Map([...model.graph.initializers, ...b.initializers]);
    const joinedModel = { ...model, graph: { ...model.graph, nodes, initializers } };
    const { head } = await answers(encodeModel(withOutputs(joinedModel, [["joined", [1, 5, 8]]])), 0.01);
    expect(head.source).toBe(`queries: boxes "pred_boxes" (shares), 4 classes "${shares}"`);
  });

  it("takes no earlier layer's boxes for classes, with as many classes as a box has numbers", async () => {
    const { head } = await answers(encodeModel(detr({ classes: 4, refined: true })), 0.01);
    expect(head.source).toBe('queries: boxes "pred_boxes" (shares), 4 classes "logits" (logits)');
  });
});

/** One map of stride 32, five queries over it, and as DETR has them boxes by a sigmoid and classes by a softmax with one for nothing. */
function detr({ classes, refined }: { readonly classes: number; readonly refined: boolean }): Model {
  const b = new GraphBuilder("");
  const weights = (dims: readonly number[], seed: number, scale = 1) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    return b.floats(
      dims,
      Float32Array.from(noise(size, seed), (byte) => (scale * (byte - 127.5)) / 127.5),
    );
  };
  const x = b.input("pixels", [1, 3, 64, 64]);
  const stem = b.op("Conv", [x, weights([4, 3, 8, 8], 1, 0.2)], { strides: [8, 8] });
  const map = b.op("Conv", [b.op("Relu", [stem]), weights([6, 4, 4, 4], 2, 0.2)], { strides: [4, 4] });
  const memory = b.op("Transpose", [b.op("Reshape", [map, b.ints([0, 0, -1])])], { perm: [0, 2, 1] });
  const looks = b.op(
    "Softmax",
    [b.op("MatMul", [weights([1, 5, 6], 3, 2), b.op("Transpose", [memory], { perm: [0, 2, 1] })])],
    {
      axis: -1,
    },
  );
  const queries = b.op("MatMul", [looks, memory]);
  const linear = (features: number, seed: number) =>
    b.op("Add", [b.op("MatMul", [queries, weights([6, features], seed)]), weights([features], seed + 1)]);
  const first = b.op("Sigmoid", [linear(4, 4)]);
  const boxes = refined ? b.op("Add", [linear(4, 6), b.op("Log", [first])]) : linear(4, 6);
  b.node("Sigmoid", [boxes], ["pred_boxes"]);
  b.node("Identity", [linear(refined ? classes : classes + 1, 8)], ["logits"]);
  b.output("logits", [1, 5, refined ? classes : classes + 1]);
  b.output("pred_boxes", [1, 5, 4]);
  return modelOf(b);
}

describe("DETR", () => {
  it("has a class for nothing, which is none of its own", async () => {
    const model = detr({ classes: 3, refined: false });
    const { head, detections } = await answers(encodeModel(model), 0.01);
    expect(head.source).toBe('queries: boxes "pred_boxes" (shares), 3 classes "logits" (softmax logits)');
    const pixels = Float32Array.from(
      { length: 3 * 64 * 64 },
      (_, i) => image.data[3 * (i % 4096) + Math.floor(i / 4096)]! / 255,
    );
    const [logits, boxes] = await runGraph(model.graph, { pixels: { dims: [1, 3, 64, 64], data: pixels } });
    expect(detections.length).toBe(5);
    for (const { row, classIndex, confidence, boxInput } of detections) {
      const exps = [...logits!.data.slice(4 * row, 4 * row + 4)].map(Math.exp);
      const shares = exps.map((value) => value / exps.reduce((sum, one) => sum + one, 0));
      expect(confidence).toBeCloseTo(Math.max(...shares.slice(0, 3)), 5);
      expect(shares[classIndex]).toBeCloseTo(confidence, 5);
      const [x, , width] = boxes!.data.slice(4 * row, 4 * row + 3);
      expect(boxInput.x1).toBeCloseTo(Math.max(0, 64 * (x! - width! / 2)), 2);
    }
  });

  it("is explained at its map, and by its pixels", async () => {
    const { map, pixels } = await answers(encodeModel(detr({ classes: 3, refined: false })), 0.01);
    for (const { data } of [map, pixels]) {
      expect(data.every(Number.isFinite)).toBe(true);
      expect(data.some((value) => value > 0)).toBe(true);
    }
  });
});
