import "@tensorflow/tfjs-backend-cpu";
import { loadGraphModelSync } from "@tensorflow/tfjs-converter";
import * as tfjs from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { DataType } from "../../src/onnx/model.js";
import { translations } from "../../src/readers/tfjs/ops/index.js";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { runTyped } from "./run-onnx.js";
import { attr, randomNumbers, TfjsWriter } from "./tfjs-writer.js";

const [H, W, C] = [4, 6, 4] as const;
const type = (name: string) => ({ type: name });
const window = { strides: attr.ints(1, 1, 1, 1), dilations: attr.ints(1, 1, 1, 1), data_format: attr.s("NHWC") };
const same = { ...window, padding: attr.s("SAME") };

type Write = (tf: TfjsWriter, x: string) => string;

const random = (count: number, seed: number, low = -2, high = 2): Float32Array => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: count }, () => low + ((next() + 1) / 2) * (high - low));
};

const floats = (tf: TfjsWriter, dims: readonly number[], seed: number): string =>
  tf.floats(
    dims,
    random(
      dims.reduce((a, b) => a * b, 1),
      seed,
    ),
  );
const unary =
  (op: string, attributes = {}): Write =>
  (tf, x) =>
    tf.node(op, [x], attributes);
const positive =
  (op: string): Write =>
  (tf, x) =>
    tf.node(op, [tf.node("AddV2", [tf.node("Square", [x]), tf.floats([], [0.1])])]);
const binary =
  (op: string): Write =>
  (tf, x) =>
    tf.node(op, [x, floats(tf, [W, C], 5)]);
const asFloat = (tf: TfjsWriter, x: string): string =>
  tf.node("Cast", [x], { DstT: type("DT_FLOAT"), SrcT: type("DT_INT32") });
const rows = (tf: TfjsWriter, x: string): string => tf.node("Reshape", [x, tf.ints([H * W, C])]);
const fromBool = (tf: TfjsWriter, x: string): string =>
  tf.node("SelectV2", [x, tf.floats([], [1]), tf.floats([1], [-1])]);
const compare =
  (op: string): Write =>
  (tf, x) =>
    fromBool(tf, tf.node(op, [tf.node("Round", [x]), tf.floats([C], [0, 1, -1, 2])]));
const reduce =
  (op: string, axes: number[], keep: boolean): Write =>
  (tf, x) =>
    tf.node(op, [x, tf.ints(axes)], { keep_dims: attr.b(keep) });
const halfPixel = { half_pixel_centers: attr.b(true), align_corners: attr.b(false) };
const corners = { half_pixel_centers: attr.b(false), align_corners: attr.b(true) };
const plainPixels = { half_pixel_centers: attr.b(false), align_corners: attr.b(false) };
const upper = (x: string, port: number): string => `${x}:${port}`;
const norm = (tf: TfjsWriter, x: string, op: string): string =>
  tf.node(op, [x, floats(tf, [C], 3), floats(tf, [C], 4), floats(tf, [C], 5), tf.floats([C], [0.5, 1, 2, 3])], {
    is_training: attr.b(false),
    epsilon: attr.f(0.01),
    data_format: attr.s("NHWC"),
  });
const fusedConv =
  (activation: string): Write =>
  (tf, x) => {
    const inputs = [x, floats(tf, [3, 3, C, 2], 6), floats(tf, [2], 7)];
    if (activation === "Prelu") inputs.push(tf.floats([2], [0.3, -0.2]));
    return tf.node("_FusedConv2D", inputs, {
      ...same,
      fused_ops: attr.strings("BiasAdd", activation),
      num_args: attr.i(activation === "Prelu" ? 2 : 1),
      leakyrelu_alpha: attr.f(0.3),
      epsilon: attr.f(0),
    });
  };
const logical =
  (op: string): Write =>
  (tf, x) => {
    const high = tf.node("Greater", [x, tf.floats([], [0.3])]);
    return fromBool(
      tf,
      op === "LogicalNot" ? tf.node(op, [high]) : tf.node(op, [high, tf.node("Less", [x, tf.floats([], [0.9])])]),
    );
  };

/** By op (what stands before a colon): at least one case for every op that the reader translates. */
const cases: Readonly<Record<string, Write>> = {
  ...Object.fromEntries(
    [
      "Abs",
      "Ceil",
      "Cos",
      "Elu",
      "Erf",
      "Exp",
      "Floor",
      "Identity",
      "Neg",
      "Relu",
      "Relu6",
      "Round",
      "Sigmoid",
      "Sin",
      "Softplus",
      "Square",
      "Tanh",
    ].map((op) => [op, unary(op)]),
  ),
  ...Object.fromEntries(["Log", "Rsqrt", "Sqrt", "Reciprocal"].map((op) => [op, positive(op)])),
  ...Object.fromEntries(
    ["Add", "AddV2", "FloorDiv", "FloorMod", "Maximum", "Minimum", "Mul", "RealDiv", "SquaredDifference", "Sub"].map(
      (op) => [op, binary(op)],
    ),
  ),
  ...Object.fromEntries(
    ["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "NotEqual"].map((op) => [op, compare(op)]),
  ),
  ...Object.fromEntries(["LogicalAnd", "LogicalNot", "LogicalOr"].map((op) => [op, logical(op)])),
  ...Object.fromEntries(
    ["Max", "Mean", "Min", "Prod", "Sum"].flatMap((op) => [
      [op, reduce(op, [1, 2], true)],
      [`${op}: the plane goes away`, reduce(op, [2, 1], false)],
      [`${op}: channels`, reduce(op, [-1], false)],
      [`${op}: nothing`, reduce(op, [], false)],
    ]),
  ),
  ...Object.fromEntries(
    ["Relu", "Relu6", "Elu", "Sigmoid", "LeakyRelu", "Prelu"].map((name) => [`_FusedConv2D: ${name}`, fusedConv(name)]),
  ),
  ...Object.fromEntries(
    ["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"].map((op) => [op, ((tf, x) => norm(tf, x, op)) as Write]),
  ),
  AddN: (tf, x) => tf.node("AddN", [x, tf.node("Neg", [tf.node("Square", [x])]), x]),
  "AddN: not an image": (tf, x) => tf.node("AddN", [rows(tf, x), rows(tf, x)]),
  ArgMax: (tf, x) => asFloat(tf, tf.node("ArgMax", [x, tf.ints([3], [])])),
  AvgPool: unary("AvgPool", { ...same, ksize: attr.ints(1, 3, 3, 1) }),
  BatchMatMul: (tf, x) => tf.node("BatchMatMul", [x, x], { adj_x: attr.b(true), adj_y: attr.b(false) }),
  BatchMatMulV2: (tf, x) =>
    tf.node("BatchMatMulV2", [x, floats(tf, [1, 1, 5, C], 8)], { adj_x: attr.b(false), adj_y: attr.b(true) }),
  BiasAdd: (tf, x) => tf.node("BiasAdd", [x, floats(tf, [C], 9)], { data_format: attr.s("NHWC") }),
  Cast: (tf, x) => asFloat(tf, tf.node("Cast", [x], { DstT: type("DT_INT32"), SrcT: type("DT_FLOAT") })),
  "Cast: what is a float already": (tf, x) => asFloat(tf, x),
  ConcatV2: (tf, x) => tf.node("ConcatV2", [x, tf.node("Neg", [x]), tf.ints([3], [])]),
  "ConcatV2: an image and a constant": (tf, x) =>
    tf.node("ConcatV2", [x, floats(tf, [1, H, W, 2], 4), tf.ints([-1], [])]),
  Conv2D: (tf, x) =>
    tf.node("Conv2D", [x, floats(tf, [3, 2, C, 3], 10)], {
      ...window,
      padding: attr.s("VALID"),
      strides: attr.ints(1, 2, 2, 1),
    }),
  "Conv2D: dilated": (tf, x) =>
    tf.node("Conv2D", [x, floats(tf, [3, 3, C, 3], 10)], { ...same, dilations: attr.ints(1, 2, 2, 1) }),
  "Conv2D: of rows (DFL)": (tf, x) => {
    const bins = tf.node("Softmax", [tf.node("Reshape", [x, tf.ints([1, 4, 6, 4])])]);
    return tf.node("Conv2D", [bins, tf.floats([1, 1, 4, 1], [0, 1, 2, 3])], same);
  },
  Conv2DBackpropInput: (tf, x) =>
    tf.node("Conv2DBackpropInput", [tf.ints([1, 2 * H, 2 * W, 3]), floats(tf, [2, 2, 3, C], 11), x], {
      ...window,
      strides: attr.ints(1, 2, 2, 1),
      padding: attr.s("VALID"),
    }),
  "Conv2DBackpropInput: SAME, a wider kernel": (tf, x) =>
    tf.node("Conv2DBackpropInput", [tf.ints([1, 2 * H, 2 * W, 3]), floats(tf, [3, 4, 3, C], 11), x], {
      ...same,
      strides: attr.ints(1, 2, 2, 1),
    }),
  DepthToSpace: unary("DepthToSpace", { block_size: attr.i(2), data_format: attr.s("NHWC") }),
  DepthwiseConv2dNative: (tf, x) => tf.node("DepthwiseConv2dNative", [x, floats(tf, [3, 3, C, 2], 12)], same),
  ExpandDims: (tf, x) => tf.node("ExpandDims", [x, tf.ints([-2], [])]),
  "FloorDiv: of integers": (tf, x) =>
    asFloat(tf, tf.node("FloorDiv", [tf.node("ArgMax", [x, tf.ints([2], [])]), tf.ints([2], [])])),
  "FloorMod: of integers": (tf, x) =>
    asFloat(tf, tf.node("FloorMod", [tf.node("ArgMax", [x, tf.ints([2], [])]), tf.ints([2], [])])),
  FusedDepthwiseConv2dNative: (tf, x) =>
    tf.node("FusedDepthwiseConv2dNative", [x, floats(tf, [3, 3, C, 1], 13), floats(tf, [C], 14)], {
      ...same,
      fused_ops: attr.strings("BiasAdd", "Relu6"),
      num_args: attr.i(1),
    }),
  GatherNd: (tf, x) => tf.node("GatherNd", [x, tf.ints([0, 3, 0, 1, 0, 2], [3, 2])]),
  GatherV2: (tf, x) => tf.node("GatherV2", [x, tf.ints([2, 0, 2]), tf.ints([3], [])], { batch_dims: attr.i(0) }),
  "GatherV2: batch_dims": (tf, x) =>
    tf.node(
      "GatherV2",
      [tf.node("Reshape", [x, tf.ints([2, 12, 4])]), tf.ints([0, 3, 11, 5, 5, 1], [2, 3]), tf.ints([1], [])],
      { batch_dims: attr.i(1) },
    ),
  LeakyRelu: unary("LeakyRelu", { alpha: attr.f(0.1) }),
  MatMul: (tf, x) =>
    tf.node("MatMul", [rows(tf, x), floats(tf, [3, C], 15)], { transpose_a: attr.b(false), transpose_b: attr.b(true) }),
  MaxPool: unary("MaxPool", { ...same, ksize: attr.ints(1, 2, 2, 1), strides: attr.ints(1, 2, 2, 1) }),
  "MaxPool: behind a low Pad": (tf, x) => {
    const padded = tf.node("PadV2", [x, tf.ints([0, 0, 2, 2, 2, 2, 0, 0], [4, 2]), tf.floats([], [-Infinity])]);
    return tf.node("MaxPool", [padded], { ...window, padding: attr.s("VALID"), ksize: attr.ints(1, 5, 5, 1) });
  },
  MirrorPad: (tf, x) =>
    tf.node("MirrorPad", [x, tf.ints([0, 0, 1, 2, 2, 0, 0, 0], [4, 2])], { mode: attr.s("REFLECT") }),
  Pack: (tf, x) => tf.node("Pack", [x, tf.node("Neg", [x])], { axis: attr.i(-1) }),
  Pad: (tf, x) => tf.node("Pad", [x, tf.ints([0, 0, 1, 0, 2, 1, 0, 0], [4, 2])]),
  "Pad: in PyTorch's axes, before a convolution": (tf, x) => {
    const turned = tf.node("Transpose", [x, tf.ints([0, 3, 1, 2])]);
    const padded = tf.node("Pad", [turned, tf.ints([0, 0, 0, 0, 1, 0, 2, 1], [4, 2])]);
    const back = tf.node("Transpose", [padded, tf.ints([0, 2, 3, 1])]);
    return tf.node("Conv2D", [back, floats(tf, [3, 3, C, 2], 16)], { ...window, padding: attr.s("VALID") });
  },
  PadV2: (tf, x) => tf.node("PadV2", [x, tf.ints([0, 0, 1, 0, 2, 1, 0, 1], [4, 2]), tf.floats([], [7])]),
  Pow: (tf, x) => tf.node("Pow", [tf.node("Abs", [x]), tf.floats([], [1.5])]),
  Prelu: (tf, x) => tf.node("Prelu", [x, tf.floats([C], [0.1, 0.2, -0.3, 0.4])]),
  Reshape: (tf, x) => tf.node("Reshape", [x, tf.ints([2, -1, 3])]),
  "Reshape: to a shape that is computed from constants": (tf, x) => {
    const shape = tf.node("Shape", [x]);
    const last = tf.node("StridedSlice", [shape, tf.ints([3]), tf.ints([4]), tf.ints([1])], {
      shrink_axis_mask: attr.i(1),
    });
    const half = tf.node("FloorDiv", [tf.node("Mul", [last, tf.ints([3], [])]), tf.ints([6], [])]);
    const rest = tf.node("Prod", [tf.node("GatherV2", [shape, tf.ints([1, 2]), tf.ints([0], [])]), tf.ints([0])]);
    const empty = tf.node("SparseToDense", [tf.ints([], [0, 1]), tf.ints([1]), tf.ints([], [0]), tf.ints([0], [])]);
    const sum = tf.node("AddV2", [
      empty,
      tf.node("Sub", [tf.node("Maximum", [rest, tf.ints([1], [])]), tf.ints([0], [])]),
    ]);
    const whole = tf.node("Pack", [tf.ints([2], []), tf.node("Minimum", [half, tf.ints([9], [])])], {
      axis: attr.i(0),
    });
    return tf.node("Reshape", [x, tf.node("ConcatV2", [sum, whole, tf.ints([0], [])])]);
  },
  ResizeBilinear: (tf, x) => tf.node("ResizeBilinear", [x, tf.ints([8, 12])], halfPixel),
  "ResizeBilinear: half": (tf, x) => tf.node("ResizeBilinear", [x, tf.ints([2, 3])], halfPixel),
  "ResizeBilinear: no whole factor": (tf, x) => tf.node("ResizeBilinear", [x, tf.ints([5, 7])], halfPixel),
  "ResizeBilinear: corners": (tf, x) => tf.node("ResizeBilinear", [x, tf.ints([7, 11])], corners),
  "ResizeBilinear: plain": (tf, x) => tf.node("ResizeBilinear", [x, tf.ints([8, 12])], plainPixels),
  ResizeNearestNeighbor: (tf, x) => tf.node("ResizeNearestNeighbor", [x, tf.ints([8, 12])], halfPixel),
  "ResizeNearestNeighbor: corners": (tf, x) => tf.node("ResizeNearestNeighbor", [x, tf.ints([7, 11])], corners),
  Select: (tf, x) => tf.node("Select", [tf.node("Greater", [x, tf.floats([], [0])]), x, tf.node("Square", [x])]),
  SelectV2: (tf, x) => tf.node("SelectV2", [tf.node("Greater", [x, tf.floats([], [0])]), tf.floats([], [3]), x]),
  Shape: (tf, x) => tf.node("Mul", [x, asFloat(tf, tf.node("Shape", [x]))]),
  Slice: (tf, x) => tf.node("Slice", [x, tf.ints([0, 1, 0, 2]), tf.ints([-1, 2, 6, -1])]),
  Softmax: unary("Softmax"),
  Split: (tf, x) => {
    const parts = tf.node("Split", [tf.ints([3], []), x], { num_split: attr.i(2) });
    return tf.node("Sub", [parts, upper(parts, 1)]);
  },
  "Split: one part": (tf, x) => tf.node("Split", [tf.ints([1], []), x], { num_split: attr.i(1) }),
  SplitV: (tf, x) => {
    const parts = tf.node("SplitV", [x, tf.ints([1, -1, 1]), tf.ints([-1], [])], { num_split: attr.i(3) });
    return tf.node("ConcatV2", [upper(parts, 2), upper(parts, 1), parts, tf.ints([3], [])], { N: attr.i(3) });
  },
  Squeeze: (tf, x) => tf.node("Squeeze", [x], { squeeze_dims: attr.ints(0) }),
  "Squeeze: all": (tf, x) => tf.node("Squeeze", [tf.node("ExpandDims", [x, tf.ints([2], [])])], {}),
  StridedSlice: (tf, x) =>
    tf.node("StridedSlice", [x, tf.ints([0, 1, 0, 1]), tf.ints([0, 0, 0, 3]), tf.ints([1, 2, 2, 1])], {
      begin_mask: attr.i(5),
      end_mask: attr.i(7),
    }),
  Tile: (tf, x) => tf.node("Tile", [x, tf.ints([1, 2, 1, 3])]),
  TopKV2: (tf, x) => {
    const best = tf.node("TopKV2", [tf.node("Reshape", [x, tf.ints([2, 48])]), tf.ints([5], [])], {
      sorted: attr.b(true),
    });
    return tf.node("AddV2", [best, asFloat(tf, upper(best, 1))]);
  },
  Transpose: (tf, x) => tf.node("Transpose", [x, tf.ints([0, 3, 1, 2])]),
  "Transpose: there and back": (tf, x) =>
    tf.node("Transpose", [tf.node("Transpose", [x, tf.ints([0, 3, 1, 2])]), tf.ints([0, 2, 3, 1])]),
  "Transpose: another": (tf, x) => tf.node("Transpose", [x, tf.ints([2, 0, 3, 1])]),
  Unpack: (tf, x) => {
    const parts = tf.node("Unpack", [x], { axis: attr.i(3), num: attr.i(4) });
    return tf.node("Sub", [upper(parts, 3), parts]);
  },
  _FusedMatMul: (tf, x) =>
    tf.node("_FusedMatMul", [rows(tf, x), floats(tf, [C, 3], 17), floats(tf, [3], 18)], {
      fused_ops: attr.strings("BiasAdd", "Relu"),
      num_args: attr.i(1),
      transpose_a: attr.b(false),
      transpose_b: attr.b(false),
    }),
};

test("every op that the reader translates is compared", () => {
  const compared = new Set(Object.keys(cases).map((name) => name.split(":")[0]));
  expect([...translations.keys()].filter((op) => !compared.has(op))).toEqual([]);
});

test.each(Object.keys(cases))("as TF.js: %s", async (name) => {
  const tf = new TfjsWriter();
  const input = tf.node("Placeholder", [], { shape: attr.shape(1, H, W, C), dtype: type("DT_FLOAT") }, "x");
  const output = cases[name]!(tf, input);
  const pixels = random(H * W * C, 42);
  const expected = runTfjs(tf, output, pixels);
  const model = readTfjs(tf.model(output), tf.bytes());
  const found = await runTyped(model, [1, C, H, W], toNchw(pixels));
  const shape = model.graph.outputs[0]!;
  expect(shape.elemType).toBe(DataType.FLOAT);
  expect(found.dims).toEqual(shape.shape);
  const nchw =
    expected.dims.length === 4 && found.dims.join() !== expected.dims.join() ? transposed(expected) : expected.data;
  expect(found.data.length).toBe(nchw.length);
  nchw.forEach((value, i) => {
    expect(Math.abs(found.data[i]! - value), `value ${i}: ${found.data[i]} for ${value}`).toBeLessThan(
      1e-4 * Math.max(1, Math.abs(value)),
    );
  });
});

function runTfjs(tf: TfjsWriter, output: string, pixels: Float32Array): { dims: number[]; data: Float32Array } {
  const { modelTopology, signature } = tf.model(output) as { modelTopology: object; signature: object };
  const model = loadGraphModelSync({
    modelTopology: { ...modelTopology, versions: { producer: 1 } },
    signature,
    weightSpecs: tf.weights as never,
    weightData: new Uint8Array(tf.bytes()).buffer,
    format: "graph-model",
  } as never);
  return tfjs.tidy(() => {
    const result = model.execute({ x: tfjs.tensor(pixels, [1, H, W, C]) }, `${output}:0`) as tfjs.Tensor;
    return { dims: result.shape, data: Float32Array.from(result.dataSync()) };
  });
}

function toNchw(pixels: Float32Array): Float32Array {
  return transposed({ dims: [1, H, W, C], data: pixels });
}

function transposed({ dims, data }: { dims: readonly number[]; data: Float32Array }): Float32Array {
  const [N, h, w, c] = dims as [number, number, number, number];
  const moved = new Float32Array(data.length);
  for (let n = 0; n < N; n++)
    for (let cell = 0; cell < h * w; cell++)
      for (let k = 0; k < c; k++) moved[(n * c + k) * h * w + cell] = data[(n * h * w + cell) * c + k]!;
  return moved;
}
