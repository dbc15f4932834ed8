import { expect, it } from "vitest";
import { shuffleWeights, weightedOps } from "../../src/explain/check/shuffle-weights.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { indexOf } from "../../src/onnx/graph.js";
import { DataType, type Model, type TensorProto } from "../../src/onnx/model.js";
import { floatTensor } from "../../src/onnx/tensors.js";
import { readModel } from "../../src/readers/read-model.js";
import { modelOf } from "../onnx/support.js";
import { exportBytes } from "../support/exports.js";

const bytes = (name: string, dataType: number, dims: readonly number[], width: number): TensorProto => {
  const count = dims.reduce((a, b) => a * b, 1);
  return { name, dims, dataType, bytes: Uint8Array.from({ length: count * width }, (_, i) => (i * 37) % 251) };
};

const tensors = [
  floatTensor(
    "w",
    [8, 4],
    Float32Array.from({ length: 32 }, (_, i) => i / 7),
  ),
  bytes("half", DataType.FLOAT16, [50], 2),
  bytes("q", DataType.INT8, [3, 11], 1),
  bytes("double", DataType.DOUBLE, [9], 8),
  bytes("other", DataType.FLOAT, [6], 4),
];
const model: Model = modelOf({
  ...{ name: "", nodes: [], inputs: [], outputs: [], valueInfo: [] },
  initializers: new Map(tensors.map((tensor) => [tensor.name, tensor])),
});

const widths: Readonly<Record<string, number>> = { w: 4, half: 2, q: 1, double: 8 };
const names = new Set(Object.keys(widths));

/** The values of a tensor as texts of their bytes. */
const valuesOf = (given: Model, name: string): string[] => {
  const { bytes } = given.graph.initializers.get(name)!;
  const width = widths[name] ?? 4;
  return Array.from({ length: bytes.length / width }, (_, i) => bytes.slice(i * width, (i + 1) * width).join());
};

it("shuffles each constant within itself, in every element type", () => {
  const found = shuffleWeights(model, names, 3);
  for (const name of names) {
    const [before, after] = [valuesOf(model, name), valuesOf(found, name)];
    expect(after).not.toEqual(before);
    expect(after.toSorted()).toEqual(before.toSorted());
    const { dims, dataType } = found.graph.initializers.get(name)!;
    expect({ dims, dataType }).toEqual({
      dims: model.graph.initializers.get(name)!.dims,
      dataType: model.graph.initializers.get(name)!.dataType,
    });
  }
  expect(found.graph.initializers.get("other")).toBe(model.graph.initializers.get("other"));
});

it("depends on the seed alone", () => {
  const [one, again, other] = [3, 3, 4].map((seed) => shuffleWeights(model, names, seed));
  const fewer = shuffleWeights(model, new Set(["q"]), 3);
  expect(valuesOf(again!, "w")).toEqual(valuesOf(one!, "w"));
  expect(valuesOf(other!, "w")).not.toEqual(valuesOf(one!, "w"));
  expect(valuesOf(fewer, "q")).toEqual(valuesOf(one!, "q"));
  expect(valuesOf(fewer, "w")).toEqual(valuesOf(model, "w"));
});

it("finds the weights of ops, and neither the preparation of the image nor scales and shapes", () => {
  const build = new GraphBuilder("t");
  const vector = (length: number, dims: readonly number[] = [length]) =>
    build.floats(
      dims,
      Float32Array.from({ length }, (_, i) => 1 + i),
    );
  const image = "image";
  const prepared = build.op("Div", [image, vector(3, [1, 3, 1, 1])]);
  const [kernel, bias] = [vector(24, [8, 3, 1, 1]), vector(8)];
  const mapped = build.op("Conv", [prepared, kernel, bias]);
  const [scale, shift, mean, variance] = [vector(8), vector(8), vector(8), vector(8)];
  const normal = build.op("BatchNormalization", [mapped, scale, shift, mean, variance]);
  const [factor, one] = [vector(8, [1, 8, 1, 1]), vector(1)];
  const scaled = build.op("Mul", [build.op("Mul", [normal, factor]), one]);
  const [turned, table] = [vector(40, [5, 8]), vector(320, [8, 40])];
  const product = build.op("MatMul", [scaled, build.op("Transpose", [turned])]);
  build.op("Add", [product, table]);
  const ops = weightedOps(indexOf(build.graph("test")));
  expect(ops.map(({ node, weights }) => [node.opType, ...weights])).toEqual([
    ["Conv", kernel, bias],
    ["BatchNormalization", scale, shift, mean, variance],
    ["Mul", factor],
    ["MatMul", turned],
  ]);
});

it("finds quantised weights behind their DequantizeLinear, but not their scales", () => {
  const { graph } = readModel(exportBytes("11-int8"));
  const ops = weightedOps(indexOf(graph));
  expect(ops.length).toBeGreaterThan(50);
  const types = new Set(ops.flatMap(({ weights }) => weights.map((name) => graph.initializers.get(name)!.dataType)));
  expect(
    [...types].every((type) => [DataType.INT8, DataType.UINT8, DataType.INT32, DataType.FLOAT].includes(type as 1)),
  ).toBe(true);
  expect(types.has(DataType.INT8) || types.has(DataType.UINT8)).toBe(true);
});
