import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Dim } from "../../src/onnx/model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";

const port = createOrtPort(ort as never);
const SIDE = 32;

/** A network whose maps `[1, 4, 8, 8]` are followed by `tail`. */
function classifier(tail: (build: GraphBuilder, map: Value) => Value, shape: readonly Dim[] = [1, 3]): Uint8Array {
  const build = new GraphBuilder("n");
  build.input("image", [1, 3, SIDE, SIDE]);
  const map = build.op("Relu", [conv(build, "image", { from: 3, to: 4, side: 4 })]);
  build.node("Identity", [tail(build, map)], ["scores"]);
  build.output("scores", shape);
  const graph = build.graph("n");
  return encodeModel({
    ...{
      irVersion: 10,
      opsets: new Map([["", 21]]),
      producerName: "",
      producerVersion: "",
      metadata: new Map(),
      graph,
    },
  } as never);
}

interface ConvSpec {
  readonly from: number;
  readonly to: number;
  readonly side: number;
}

function conv(build: GraphBuilder, x: Value, { from, to, side }: ConvSpec): Value {
  const weights = build.floats([to, from, side, side], wave(to * from * side * side));
  return build.op("Conv", [x, weights], { kernel_shape: [side, side], strides: [side, side] });
}

const wave = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
const linear = (build: GraphBuilder, x: Value, from: number, to: number): Value =>
  build.op("Gemm", [x, build.floats([to, from], wave(to * from)), build.floats([to], wave(to))], { transB: 1 });
const pooled = (build: GraphBuilder, map: Value): Value =>
  build.op("Flatten", [build.op("GlobalAveragePool", [map])], { axis: 1 });

const image = {
  height: SIDE,
  width: SIDE,
  data: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 37) % 256),
};

describe("a classifier is known", () => {
  const cases: Readonly<Record<string, { bytes: Uint8Array; activation?: string; size?: number }>> = {
    "pooling, a linear layer": {
      bytes: classifier((b, map) => linear(b, pooled(b, map), 4, 3)),
      activation: "softmax",
    },
    "a softmax": { bytes: classifier((b, map) => b.op("Softmax", [linear(b, pooled(b, map), 4, 3)], { axis: 1 })) },
    "the logarithm of a softmax": {
      bytes: classifier((b, map) => b.op("LogSoftmax", [linear(b, pooled(b, map), 4, 3)], { axis: 1 })),
    },
    "a sigmoid": { bytes: classifier((b, map) => b.op("Sigmoid", [linear(b, pooled(b, map), 4, 3)])) },
    "flattened maps": {
      bytes: classifier((b, map) => linear(b, b.op("Flatten", [map], { axis: 1 }), 256, 3)),
      activation: "softmax",
    },
    "a matrix product and a bias": {
      bytes: classifier((b, map) => {
        const product = b.op("MatMul", [pooled(b, map), b.floats([4, 3], wave(12))]);
        return b.op("Add", [product, b.floats([3], wave(3))]);
      }),
      activation: "softmax",
    },
    "the mean over two axes": {
      bytes: classifier((b, map) => linear(b, b.op("ReduceMean", [map, b.ints([2, 3])], { keepdims: 0 }), 4, 3)),
      activation: "softmax",
    },
    "a convolution as its last layer, [1, K, 1, 1]": {
      bytes: classifier(
        (b, map) => conv(b, b.op("GlobalAveragePool", [map]), { from: 4, to: 3, side: 1 }),
        [1, 3, 1, 1],
      ),
      activation: "softmax",
    },
    "a pooling with a kernel of the map's size": {
      bytes: classifier(
        (b, map) => conv(b, b.op("AveragePool", [map], { kernel_shape: [8, 8] }), { from: 4, to: 3, side: 1 }),
        [1, 3, 1, 1],
      ),
      activation: "softmax",
    },
    "pooling after a convolution for each class": {
      bytes: classifier((b, map) => pooled(b, b.op("Relu", [conv(b, map, { from: 4, to: 3, side: 1 })]))),
      activation: "softmax",
    },
    "squeeze and excitation": {
      bytes: classifier((b, map) => {
        const gate = b.op("Sigmoid", [conv(b, b.op("GlobalAveragePool", [map]), { from: 4, to: 4, side: 1 })]);
        return linear(b, pooled(b, b.op("Mul", [map, gate])), 4, 3);
      }),
      activation: "softmax",
    },
    "two poolings of one map": {
      bytes: classifier((b, map) => {
        const both = b.op("Concat", [b.op("GlobalMaxPool", [map]), b.op("GlobalAveragePool", [map])], { axis: 1 });
        return linear(b, b.op("Flatten", [both], { axis: 1 }), 8, 3);
      }),
      activation: "softmax",
    },
    "one class": { bytes: classifier((b, map) => linear(b, pooled(b, map), 4, 1), [1, 1]), activation: "sigmoid" },
    "an unknown batch": {
      bytes: classifier((b, map) => linear(b, pooled(b, map), 4, 3), ["N", 3]),
      activation: "softmax",
    },
  };

  it.each(Object.entries(cases))("%s", async (_, { bytes, activation }) => {
    const detector = await createDetector(bytes, port, { threads: 1, input: { fit: "stretch" } });
    const { head } = detector.facts;
    expect([head.kind, head.task, head.levels[0]!.stride]).toEqual(["classifier", "classify", 4]);
    expect(head.assumed?.join() ?? "").toMatch(activation ?? /^$/);
    const { detections, heatmap, layers } = await detector.explain(image, { per: "detection", method: "GradCAM" });
    expect(layers.map(({ size }) => size)).toEqual([[8, 8]]);
    expect(detections[0]!.boxImage).toMatchObject({ x1: 0, y1: 0, x2: SIDE, y2: SIDE });
    expect(heatmap.data.every(Number.isFinite)).toBe(true);
    await detector.dispose();
  });
});

describe("is no classifier, and is refused", () => {
  const cases: Readonly<Record<string, { bytes: Uint8Array; says: RegExp }>> = {
    "the number of a class": {
      bytes: classifier(
        (b, map) => {
          const best = b.op("ArgMax", [linear(b, pooled(b, map), 4, 3)], { axis: 1 });
          return b.op("Cast", [best], { to: 1 });
        },
        [1, 1],
      ),
      says: /it is the number of a class; export the scores of all classes \(node ".*", ArgMax\)/,
    },
    "a network without convolutions": {
      bytes: classifier((b) => linear(b, b.op("Flatten", ["image"], { axis: 1 }), 3 * SIDE * SIDE, 3)),
      says: /it is not pooled from a map of convolutions, so there is no map to explain/,
    },
    "a map": { bytes: classifier((_, map) => map, [1, 4, 8, 8]), says: /No output is a supported|raw maps/ },
  };

  it.each(Object.entries(cases))("%s", async (_, { bytes, says }) => {
    await expect(createDetector(bytes, port, { threads: 1 })).rejects.toMatchObject({
      code: "unsupported-model",
      message: expect.stringMatching(says),
    });
  });
});
