import * as ort from "onnxruntime-node";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { DataType, type Model } from "../../src/onnx/model.js";
import { intTensor } from "../../src/onnx/tensors.js";
import { type Feeds, modelOf, noise } from "./support.js";

/** A model in an old spelling and what to feed it. */
export interface Case {
  readonly name: string;
  readonly op: string;
  readonly opset: number;
  readonly build: (b: GraphBuilder) => void;
  readonly feeds?: Feeds;
}

export const x34 = { x: noise([2, 3, 4]) };
const x2345 = { x: noise([2, 3, 4, 5]) };
const image = { x: noise([1, 2, 5, 7]) };

/** One node from input x to output y. */
export function single(op: string, attributes: Parameters<GraphBuilder["node"]>[3] = {}, extra: string[] = []) {
  return (b: GraphBuilder): void => {
    b.input("x", undefined);
    b.node(op, ["x", ...extra], ["y"], attributes, "the_node");
    b.output("y");
  };
}

/** The same, of a shape that the file tells. */
function ofRankFour(op: string, axis: number) {
  return (b: GraphBuilder): void => {
    b.input("x", [2, 3, 4, 5]);
    b.node(op, ["x"], ["y"], { axis });
    b.output("y");
  };
}

const reductions = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare", "Sum"].map(
  (kind) => `Reduce${kind}`,
);

export const cases: Case[] = [
  ...reductions.flatMap((op) => [
    { name: `${op} axes`, op, opset: 12, feeds: { x: positive([2, 3, 4]) }, build: single(op, { axes: [-1, 0] }) },
    { name: `${op} all axes`, op, opset: 11, feeds: { x: positive([2, 3, 4]) }, build: single(op, { keepdims: 0 }) },
  ]),
  { name: "ReduceMean 17 axes", op: "ReduceMean", opset: 17, build: single("ReduceMean", { axes: [1] }), feeds: x34 },
  { name: "Squeeze", op: "Squeeze", opset: 12, build: single("Squeeze", { axes: [0] }), feeds: image },
  { name: "Squeeze all", op: "Squeeze", opset: 7, build: single("Squeeze"), feeds: image },
  { name: "Unsqueeze", op: "Unsqueeze", opset: 11, build: single("Unsqueeze", { axes: [0, -1] }), feeds: x34 },
  {
    name: "Slice to the end",
    op: "Slice",
    opset: 9,
    build: single("Slice", { starts: [1, 0], ends: [2 ** 63, -1], axes: [1, 2] }),
    feeds: x34,
  },
  {
    name: "Slice without axes",
    op: "Slice",
    opset: 7,
    build: single("Slice", { starts: [0, 1], ends: [1, 3] }),
    feeds: x34,
  },
  {
    name: "Pad constant",
    op: "Pad",
    opset: 10,
    build: single("Pad", { pads: [0, 1, 2, 0, 0, 1], value: { float: 0.5 } }),
    feeds: x34,
  },
  {
    name: "Pad reflect",
    op: "Pad",
    opset: 9,
    build: single("Pad", { pads: [0, 0, 1, 0, 1, 2], mode: "reflect" }),
    feeds: x34,
  },
  {
    name: "Clip both",
    op: "Clip",
    opset: 10,
    build: single("Clip", { min: { float: -0.5 }, max: { float: 0.25 } }),
    feeds: x34,
  },
  { name: "Clip max only", op: "Clip", opset: 7, build: single("Clip", { max: { float: 0.25 } }), feeds: x34 },
  { name: "Clip of nothing", op: "Clip", opset: 9, build: single("Clip"), feeds: x34 },
  { name: "TopK", op: "TopK", opset: 9, feeds: x34, build: (b) => topK(b) },
  { name: "Split sizes", op: "Split", opset: 12, feeds: x34, build: (b) => split(b, { axis: 2, split: [1, 3] }) },
  { name: "Split equal", op: "Split", opset: 11, feeds: x34, build: (b) => split(b, { axis: 2 }) },
  { name: "Split 13 equal", op: "Split", opset: 13, feeds: x34, build: (b) => split(b, { axis: -1 }) },
  { name: "Split 13 sizes", op: "Split", opset: 17, feeds: x34, build: (b) => split(b, { axis: 2 }, [b.ints([3, 1])]) },
  ...["Softmax", "LogSoftmax", "Hardmax"].flatMap((op) => [
    { name: `${op} default axis`, op, opset: 12, build: single(op), feeds: x34 },
    { name: `${op} axis 0`, op, opset: 11, build: single(op, { axis: 0 }), feeds: x34 },
    { name: `${op} last axis`, op, opset: 12, build: single(op, { axis: -1 }), feeds: x34 },
    { name: `${op} axis -2`, op, opset: 11, build: single(op, { axis: -2 }), feeds: x34 },
    { name: `${op} axis 2 of unknown rank`, op, opset: 12, build: single(op, { axis: 2 }), feeds: x34 },
    { name: `${op} axis 2 of 4`, op, opset: 11, build: single(op, { axis: 2 }), feeds: x2345 },
    { name: `${op} axis -2 of 4`, op, opset: 11, build: ofRankFour(op, -2), feeds: x2345 },
  ]),
  {
    name: "Softmax at the last axis of a known rank",
    op: "Softmax",
    opset: 12,
    feeds: x34,
    build: (b) => {
      b.input("x", [2, 3, 4]);
      b.node("Softmax", ["x"], ["y"], { axis: 2 });
      b.output("y");
    },
  },
  { name: "Dropout", op: "Dropout", opset: 7, build: single("Dropout", { ratio: { float: 0.3 } }), feeds: x34 },
  {
    name: "Dropout 13 with inputs",
    op: "Dropout",
    opset: 13,
    feeds: x34,
    build: (b) => {
      b.initializers.set("off", { name: "off", dims: [], dataType: DataType.BOOL, bytes: Uint8Array.of(0) });
      b.input("x", undefined);
      b.node("Dropout", ["x", b.float(0.5), "off"], ["y", "unread"]);
      b.output("y");
    },
  },
  ...[7, 8, 9, 13].map((opset) => ({
    name: `BatchNormalization ${opset}`,
    op: "BatchNormalization",
    opset,
    feeds: image,
    build: (b: GraphBuilder) => batchNorm(b, opset < 9 ? { spatial: 1 } : {}),
  })),
  {
    name: "Upsample 7",
    op: "Upsample",
    opset: 7,
    build: single("Upsample", { scales: { floats: [1, 1, 2, 3] } }),
    feeds: image,
  },
  {
    name: "Upsample 9 nearest",
    op: "Upsample",
    opset: 9,
    feeds: image,
    build: (b) => upsample(b, "Upsample", [1, 1, 1.5, 2.7]),
  },
  {
    name: "Upsample 9 linear",
    op: "Upsample",
    opset: 9,
    feeds: image,
    build: (b) => upsample(b, "Upsample", [1, 1, 2, 3], "linear"),
  },
  { name: "Resize 10 up", op: "Resize", opset: 10, feeds: image, build: (b) => upsample(b, "Resize", [1, 1, 2, 2.5]) },
  {
    name: "Resize 10 down",
    op: "Resize",
    opset: 10,
    feeds: image,
    build: (b) => upsample(b, "Resize", [1, 1, 0.6, 0.5]),
  },
  {
    name: "Resize 10 up and down",
    op: "Resize",
    opset: 10,
    feeds: image,
    build: (b) => upsample(b, "Resize", [1, 1, 1.7, 0.5]),
  },
  {
    name: "Resize 10 linear",
    op: "Resize",
    opset: 10,
    feeds: image,
    build: (b) => upsample(b, "Resize", [1, 1, 1.7, 0.6], "linear"),
  },
  { name: "Resize 10 by computed scales", op: "Resize", opset: 10, feeds: image, build: computedScales },
  {
    name: "Resize 11 with empty roi",
    op: "Resize",
    opset: 11,
    feeds: image,
    build: (b) => {
      b.input("x", undefined);
      const scales = b.floats([4], [1, 1, 2, 2]);
      const how = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
      b.node("Resize", ["x", b.floats([0], []), scales], ["y"], how);
      b.output("y");
    },
  },
  {
    name: "Resize 12 by sizes",
    op: "Resize",
    opset: 12,
    feeds: image,
    build: (b) => {
      b.input("x", undefined);
      const empty = b.floats([0], []);
      b.node("Resize", ["x", empty, empty, b.ints([1, 2, 9, 4])], ["y"], { mode: "linear" });
      b.output("y");
    },
  },
  {
    name: "Resize 11 half pixel of TensorFlow",
    op: "Resize",
    opset: 11,
    feeds: image,
    build: (b) => {
      b.input("x", undefined);
      const how = { coordinate_transformation_mode: "tf_half_pixel_for_nn", nearest_mode: "floor" };
      b.node("Resize", ["x", b.floats([0], []), b.floats([4], [1, 1, 2, 1.5])], ["y"], how);
      b.output("y");
    },
  },
  {
    name: "Scatter",
    op: "Scatter",
    opset: 10,
    feeds: { x: noise([3, 4]) },
    build: (b) => {
      b.input("x", undefined);
      b.initializers.set("where", intTensor("where", [2, 0, 1, 2], [1, 4]));
      b.node("Scatter", ["x", "where", b.floats([1, 4], [9, 8, 7, 6])], ["y"]);
      b.output("y");
    },
  },
  ...["bilinear", "bicubic", "nearest"].map((mode) => ({
    name: `GridSample ${mode}`,
    op: "GridSample",
    opset: 16,
    feeds: { ...image, grid: noise([1, 3, 4, 2], 5) },
    build: (b: GraphBuilder) => {
      b.input("x", undefined);
      b.input("grid", undefined);
      b.node("GridSample", ["x", "grid"], ["y"], { mode });
      b.output("y");
    },
  })),
  {
    name: "RoiAlign",
    op: "RoiAlign",
    opset: 10,
    feeds: image,
    build: (b) => {
      b.input("x", undefined);
      const boxes = b.floats([2, 4], [0.3, 0.2, 5.1, 4.2, 1, 1, 3.5, 4]);
      b.node("RoiAlign", ["x", boxes, b.ints([0, 0])], ["y"], { output_height: 2, output_width: 3, sampling_ratio: 2 });
      b.output("y");
    },
  },
  {
    name: "GroupNormalization",
    op: "GroupNormalization",
    opset: 18,
    feeds: { x: noise([2, 6, 3]) },
    build: (b) => {
      b.input("x", [2, 6, 3]);
      b.node("GroupNormalization", ["x", b.floats([2], [0.5, 2]), b.floats([2], [1, -1])], ["y"], { num_groups: 2 });
      b.output("y");
    },
  },
  {
    name: "DFT",
    op: "DFT",
    opset: 17,
    feeds: { x: noise([2, 4, 1]) },
    build: single("DFT"),
  },
];

function positive(dims: readonly number[]): ort.Tensor {
  const source = noise(dims).data as Float32Array;
  return new ort.Tensor(
    "float32",
    source.map((v) => Math.abs(v) + 0.1),
    [...dims],
  );
}

function topK(b: GraphBuilder): void {
  b.input("x", undefined);
  b.node("TopK", ["x"], ["values", "indices"], { k: 2, axis: 1 });
  b.output("values");
  b.output("indices", undefined, DataType.INT64);
}

export function split(
  b: GraphBuilder,
  attributes: Readonly<Record<string, number | number[]>>,
  extra: string[] = [],
): void {
  b.input("x", undefined);
  b.node("Split", ["x", ...extra], ["a", "b"], attributes);
  b.output("a");
  b.output("b");
}

export function batchNorm(b: GraphBuilder, attributes: Readonly<Record<string, number>>): void {
  b.input("x", undefined);
  const parts = [
    [1.5, 0.5],
    [0.1, -0.2],
    [0.3, 0.4],
    [0.9, 2],
  ].map((values) => b.floats([2], values));
  b.node("BatchNormalization", ["x", ...parts], ["y"], attributes);
  b.output("y");
}

function upsample(b: GraphBuilder, op: string, scales: readonly number[], mode = "nearest"): void {
  b.input("x", undefined);
  b.node(op, ["x", b.floats([4], scales)], ["y"], { mode });
  b.output("y");
}

/** Scales that only the run knows: the input's own sizes, divided. */
function computedScales(b: GraphBuilder): void {
  b.input("x", undefined);
  const sizes = b.op("Cast", [b.op("Shape", ["x"])], { to: DataType.FLOAT });
  const scales = b.op("Div", [sizes, b.floats([4], [1, 2, 2.5, 14])]);
  b.node("Resize", ["x", scales], ["y"], { mode: "nearest" });
  b.output("y");
}

export function built({ build, opset }: Pick<Case, "build" | "opset">): Model {
  const b = new GraphBuilder("old");
  build(b);
  return modelOf(b, opset);
}
