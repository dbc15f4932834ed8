import { describe, expect, it } from "vitest";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { topologicalOrder } from "../../src/onnx/graph.js";
import { DataType, type Dim } from "../../src/onnx/model.js";
import { ShapeFacts } from "../../src/onnx/shapes/shape-facts.js";
import { floatTensor, intTensor } from "../../src/onnx/tensors.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { runGraph } from "../support/ort.js";

type Build = (b: GraphBuilder, x: Value) => Value | readonly Value[];

const weight = (b: GraphBuilder, dims: readonly number[]) => b.floats(dims, new Float32Array(sizeOf(dims)).fill(0.1));

/** Small models over x [1, 6, H, W], by the op whose shape they are about. */
const models: Record<string, Build> = {
  Sigmoid: (b, x) => b.op("Sigmoid", [x]),
  broadcast: (b, x) => {
    const small = b.op("GlobalAveragePool", [x]);
    return [
      b.op("Add", [x, small]),
      b.op("Mul", [small, b.floats([6, 1, 3], new Float32Array(18))]),
      b.op("Sub", [b.float(1), x]),
    ];
  },
  "broadcast of unrelated sizes": (b, x) => b.op("Add", [x, b.op("Slice", [x, b.ints([0]), b.ints([1]), b.ints([2])])]),
  Conv: (b, x) => [
    b.op("Conv", [x, weight(b, [4, 6, 3, 3])], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    b.op("Conv", [x, weight(b, [4, 6, 3, 3])], { pads: [2, 0, 2, 0], dilations: [2, 1], strides: [1, 2] }),
    b.op("Conv", [x, weight(b, [4, 3, 3, 2])], { group: 2, pads: [1, 0, 0, 1], strides: [2, 3] }),
    b.op("Conv", [x, weight(b, [4, 6, 3, 3])], { auto_pad: "SAME_UPPER", strides: [2, 2] }),
  ],
  pooling: (b, x) => [
    b.op("MaxPool", [x], { kernel_shape: [5, 5], pads: [2, 2, 2, 2] }),
    b.op("MaxPool", [x], { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 }),
    b.op("AveragePool", [x], { kernel_shape: [3, 2], strides: [2, 1] }),
    b.op("GlobalMaxPool", [x]),
  ],
  "two strided branches": (b, x) => {
    const conv = b.op("Conv", [x, weight(b, [6, 6, 3, 3])], { pads: [1, 1, 1, 1], strides: [2, 2] });
    const pool = b.op("MaxPool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] });
    return [b.op("Add", [conv, pool]), b.op("Concat", [conv, pool], { axis: 1 })];
  },
  "ConvTranspose and Pad": (b, x) => [
    b.op("ConvTranspose", [x, weight(b, [6, 2, 3, 3])], { strides: [2, 2] }),
    b.op("Pad", [x, b.ints([0, 0, 1, 2, 0, 0, 3, 4])]),
  ],
  Concat: (b, x) => [b.op("Concat", [x, x, b.op("Relu", [x])], { axis: -3 }), b.op("Concat", [x, x], { axis: 2 })],
  Split: (b, x) => [
    ...b.ops("Split", [x, b.ints([1, 2, 3])], 3, { axis: 1 }),
    ...b.ops("Split", [x], 3, { axis: 1, num_outputs: 3 }),
  ],
  Slice: (b, x) => [
    b.op("Slice", [x, b.ints([1]), b.ints([4]), b.ints([1])]),
    b.op("Slice", [x, b.ints([-2, 1]), b.ints([1000, 3]), b.ints([1, -1])]),
    b.op("Slice", [x, b.ints([0]), b.ints([2 ** 63]), b.ints([1]), b.ints([4])]),
    b.op("Slice", [x, b.ints([5]), b.ints([-7]), b.ints([1]), b.ints([-2])]),
    b.op("Slice", [x, b.ints([0, 5]), b.ints([1, 2])]),
    b.op("Slice", [x, b.ints([0]), b.ints([2]), b.op("Sub", [b.ints([2]), b.ints([1])])]),
  ],
  Transpose: (b, x) => [b.op("Transpose", [x], { perm: [0, 2, 3, 1] }), b.op("Transpose", [x])],
  Reshape: (b, x) => [
    b.op("Reshape", [x, b.ints([1, 2, 3, -1])]),
    b.op("Reshape", [x, b.ints([0, 0, -1])]),
    b.op("Reshape", [b.op("GlobalAveragePool", [x]), b.ints([2, -1])]),
    b.op("Reshape", [x, b.op("Shape", [x])]),
  ],
  Flatten: (b, x) => [
    b.op("Flatten", [x]),
    b.op("Flatten", [x], { axis: -2 }),
    b.op("Flatten", [b.op("GlobalAveragePool", [x])]),
  ],
  "Squeeze and Unsqueeze": (b, x) => [
    b.op("Squeeze", [x, b.ints([0])]),
    b.op("Squeeze", [b.op("GlobalAveragePool", [x]), b.ints([-1, 2])]),
    b.op("Squeeze", [b.op("GlobalAveragePool", [x])]),
    b.op("Unsqueeze", [x, b.ints([0, -1])]),
  ],
  Gather: (b, x) => {
    b.initializers.set("indices", intTensor("indices", [0, 1, 2, 3], [2, 2]));
    return [b.op("Gather", [x, "indices"], { axis: 1 }), b.op("Gather", [x, b.int(0)], { axis: -1 })];
  },
  Resize: (b, x) => [
    b.op("Resize", [x, "", b.floats([4], [1, 1, 2, 2])], { mode: "nearest" }),
    b.op("Resize", [x, "", b.floats([4], [1, 1, 0.5, 1.3])], { mode: "linear" }),
    b.op("Resize", [x, "", "", b.ints([1, 6, 9, 9])], { mode: "linear" }),
    b.op("Resize", [x, "", b.floats([2], [2, 2])], { axes: [2, 3] }),
  ],
  MatMul: (b, x) => {
    const wide = b.op("MatMul", [b.op("Transpose", [x], { perm: [0, 2, 3, 1] }), weight(b, [6, 4])]);
    const vector = b.op("MatMul", [b.op("Transpose", [x], { perm: [0, 2, 3, 1] }), weight(b, [6])]);
    return [wide, vector, b.op("MatMul", [weight(b, [2]), b.op("Reshape", [x, b.ints([2, -1])])])];
  },
  Gemm: (b, x) => {
    const rows = b.op("Reshape", [x, b.ints([-1, 6])]);
    return [
      b.op("Gemm", [rows, weight(b, [6, 4])]),
      b.op("Gemm", [rows, weight(b, [4, 6])], { transB: 1 }),
      b.op("Gemm", [rows, rows], { transA: 1 }),
    ];
  },
  reductions: (b, x) => [
    b.op("ReduceMean", [x, b.ints([2, -1])]),
    b.op("ReduceMax", [x, b.ints([1])], { keepdims: 0 }),
    b.op("ReduceSum", [x]),
    b.op("ReduceSum", [x], { noop_with_empty_axes: 1 }),
    b.op("ReduceSum", [x, b.op("Sub", [b.ints([2]), b.ints([1])])]),
    b.op("ReduceL2", [x], { keepdims: 0 }),
  ],
  "Range, Expand and ConstantOfShape": (b, x) => {
    const shape = b.op("Shape", [x]);
    const width = b.op("Squeeze", [b.op("Slice", [shape, b.ints([3]), b.ints([4])])]);
    const count = b.op("Range", [b.int(0), width, b.int(1)]);
    const longer = b.op("Concat", [b.ints([2]), shape], { axis: 0 });
    return [
      b.op("Cast", [count], { to: DataType.FLOAT }),
      b.op("Expand", [x, b.ints([3, 1, 1, 1])]),
      b.op("Expand", [x, shape]),
      b.op("Expand", [x, longer]),
      b.op("Expand", [b.op("GlobalAveragePool", [x]), b.op("Slice", [shape, b.ints([2]), b.ints([4])])]),
      b.op("ConstantOfShape", [b.ints([2, 3])]),
      b.op("ConstantOfShape", [shape]),
    ];
  },
  "sizes computed from shapes": (b, x) => {
    const shape = b.op("Shape", [x]);
    const [batch, channels, height] = [0, 1, 2].map((axis) => b.op("Gather", [shape, b.int(axis)]));
    const join = (...vectors: readonly string[]) => b.op("Concat", vectors, { axis: 0 });
    const vector = (...sizes: readonly string[]) =>
      join(...sizes.map((size) => b.op("Unsqueeze", [size, b.ints([0])])));
    const heads = b.op("Div", [channels!, b.int(2)]);
    const inner = b.op("Slice", [shape, b.ints([1]), b.ints([-1])]);
    const cast = b.op("Cast", [b.op("Identity", [shape])], { to: DataType.INT32 });
    const ones = b.op("ConstantOfShape", [b.ints([4])], { value: { tensor: intTensor("", [1]) } });
    return [
      b.op("Reshape", [x, vector(b.op("Mul", [batch!, heads]), b.int(2), b.int(-1))]),
      b.op("Reshape", [x, vector(batch!, b.int(-1), height!)]),
      b.op("Reshape", [x, join(b.ints([-1]), b.op("Shape", [x], { start: 2 }))]),
      b.op("Reshape", [x, join(b.ints([0, -1]), b.op("Shape", [x], { start: -2, end: -1 }))]),
      b.op("Reshape", [x, join(b.op("Add", [b.op("Sub", [inner, b.ints([1])]), b.int(1)]), b.ints([-1]))]),
      b.op("Reshape", [x, b.op("Mul", [b.op("Cast", [cast], { to: DataType.INT64 }), ones])]),
      b.op("Expand", [b.op("GlobalAveragePool", [x]), vector(b.int(2), b.int(1), height!, b.int(1))]),
      b.op("Expand", [x, ones]),
      b.op("ConstantOfShape", [vector(height!, b.int(3))]),
      b.op("Tile", [x, b.ints([2, 1, 1, 3])]),
      b.op("Tile", [x, shape]),
    ];
  },
  Pad: (b, x) => {
    // The amounts as PyTorch exports them: from the last axis to the first, then turned around.
    const zeros = b.op("ConstantOfShape", [b.ints([4])], { value: { tensor: intTensor("", [0]) } });
    const pairs = b.op("Reshape", [b.op("Concat", [b.ints([0, 1, 2, 3]), zeros], { axis: 0 }), b.ints([-1, 2])]);
    const turned = b.op("Slice", [pairs, b.ints([-1]), b.ints([-(2 ** 63)]), b.ints([0]), b.ints([-1])]);
    const pads = b.op("Reshape", [b.op("Transpose", [turned], { perm: [1, 0] }), b.ints([-1])]);
    return [
      b.op("Pad", [x, b.op("Cast", [pads], { to: DataType.INT64 })]),
      b.op("Pad", [x, b.ints([1, -1, 2, 1]), "", b.ints([-1, 1])]),
      b.op("Pad", [x, b.ints([0, 1]), "", b.op("Sub", [b.ints([3]), b.ints([1])])]),
    ];
  },
  Softmax: (b, x) => b.op("Softmax", [x], { axis: 1 }),
  Shape: (b, x) => b.op("Cast", [b.op("Shape", [x])], { to: DataType.FLOAT }),
  "ops nothing is known of": (b, x) =>
    b.op("Sin", [b.op("DepthToSpace", [b.op("Concat", [x, x], { axis: 1 })], { blocksize: 2 })]),
};

/** Sizes that a symbol stands for, the same in the whole run. */
class Sizes {
  readonly #sizes = new Map<string, number>();

  expect(value: string, found: readonly (number | string)[], actual: readonly number[]): void {
    expect(found.length, `rank of ${value}`).toBe(actual.length);
    found.forEach((dim, axis) => {
      const size = typeof dim === "number" ? dim : (this.#sizes.get(dim) ?? actual[axis]!);
      expect(size, `axis ${axis} of ${value} (${dim})`).toBe(actual[axis]);
      if (typeof dim === "string") this.#sizes.set(dim, size);
    });
  }
}

describe("what is known of shapes beforehand is so", () => {
  const declared: readonly (readonly Dim[] | undefined)[] = [
    [1, 6, null, null],
    ["n", 6, "h", "w"],
    [1, 6, 7, 7],
    undefined,
  ];
  const cases = Object.entries(models).flatMap(([name, build]) => declared.map((shape) => ({ name, shape, build })));

  it.each(cases)("$name of $shape", async ({ shape, build }) => {
    const b = new GraphBuilder("m");
    b.input("x", shape);
    const outputs = [build(b, "x")].flat();
    for (const output of outputs) b.output(output);
    const graph = b.graph("g");
    const facts = new ShapeFacts(graph, topologicalOrder(graph.nodes));
    const sizes = new Sizes();
    const dims = [1, 6, 7, 7];
    const values = await runGraph(graph, { x: { dims, data: new Float32Array(sizeOf(dims)) } });
    if (shape) sizes.expect("x", facts.dims("x")!, dims);
    values.forEach((value, i) => {
      const found = facts.dims(outputs[i]!);
      if (found) sizes.expect(outputs[i]!, found, value.dims);
    });
  });

  it("knows every size of a plain model with a fixed input", () => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 6, 7, 7]);
    const conv = b.op("Conv", ["x", weight(b, [4, 6, 3, 3])], { pads: [1, 1, 1, 1], strides: [2, 2] });
    const flat = b.op("Reshape", [conv, b.ints([1, 2, -1])]);
    const graph = b.graph("g");
    const facts = new ShapeFacts(graph, topologicalOrder(graph.nodes));
    expect(facts.dims(conv)).toEqual([1, 4, 4, 4]);
    expect(facts.dims(flat)).toEqual([1, 2, 32]);
  });

  it("knows sizes that are computed from shapes", () => {
    const b = new GraphBuilder("m");
    b.input("x", ["n", 6, 4, 5]);
    const shape = b.op("Shape", ["x"]);
    const batch = b.op("Slice", [shape, b.ints([0]), b.ints([1])]);
    const channels = b.op("Gather", [shape, b.ints([1])]);
    const half = b.op("Div", [channels, b.ints([2])]);
    const heads = b.op("Concat", [batch, half, b.ints([-1])], { axis: 0 });
    const folded = b.op("Concat", [b.op("Mul", [batch, half]), b.ints([40])], { axis: 0 });
    const [split, rows] = [heads, folded].map((sizes) => b.op("Reshape", ["x", sizes])) as [string, string];
    const graph = b.graph("g");
    const order = topologicalOrder(graph.nodes);
    const open = new ShapeFacts(graph, order);
    expect(open.dims(split)?.slice(0, 2)).toEqual([open.dims("x")![0], 3]);
    expect(open.dims(rows)).toEqual([expect.any(String), 40]);
    const single = new ShapeFacts(graph, order, (value) => (value === "x" ? [1, 6, 4, 5] : undefined));
    expect(single.dims(split)).toEqual([1, 3, 40]);
    expect(single.dims(rows)).toEqual([3, 40]);
  });

  it("knows the rank of what is expanded by a vector as long as another one, as PyTorch exports repeat()", () => {
    const b = new GraphBuilder("m");
    b.input("x", [20, 1, 32]);
    b.input("image", ["batch", 3, 8, 8]);
    const batch = b.op("Slice", [b.op("Shape", ["image"]), b.ints([0]), b.ints([1])]);
    const repeats = b.op("Concat", [b.ints([1]), batch, b.ints([1])], { axis: 0 });
    const ones = b.op("ConstantOfShape", [b.op("Shape", [repeats])]);
    const expanded = b.op("Expand", ["x", ones]);
    const graph = b.graph("g");
    expect(new ShapeFacts(graph, topologicalOrder(graph.nodes)).dims(expanded)?.length).toBe(3);
  });

  it("takes the file's word where the op says nothing", () => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 8, 2, 2]);
    const y = b.op("SpaceToDepth", ["x"], { blocksize: 2 });
    const graph = { ...b.graph("g"), valueInfo: [{ name: y, elemType: 1, shape: [1, "c", null] }] };
    const facts = new ShapeFacts(graph, graph.nodes);
    expect(facts.dims(y)?.length).toBe(3);
    expect(facts.dims(y)?.[0]).toBe(1);
  });

  it("says nothing of other domains and of broken nodes", () => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 8, 2]);
    b.initializers.set("scales", floatTensor("scales", [0], []));
    b.initializers.set("huge", intTensor("huge", [1e9]));
    const long = b.op("ConstantOfShape", ["huge"]);
    const ranks = [b.op("Reshape", ["x", long]), b.op("Expand", ["x", long]), b.op("ConstantOfShape", [long])];
    b.nodes.push({
      opType: "Relu",
      domain: "com.example",
      name: "",
      inputs: ["x"],
      outputs: ["r"],
      attributes: new Map(),
    });
    b.node("Conv", ["x"], ["conv"]);
    b.node("Slice", ["x"], ["slice"]);
    b.node("Resize", ["x"], ["resize"]);
    b.node("Concat", [], ["concat"], { axis: 0 });
    b.node("Relu", [], ["relu"]);
    b.node("MaxPool", ["x"], ["pool"], { kernel_shape: [3], strides: [0] });
    b.node("MaxPool", ["x"], ["shrunk"], { kernel_shape: [9] });
    b.node("Reshape", ["x", b.ints([3, -1])], ["uneven"]);
    const graph = b.graph("g");
    const facts = new ShapeFacts(graph, graph.nodes);
    expect(facts.dims("pool")).toEqual([1, 8, expect.any(String)]);
    expect(facts.dims("shrunk")).toEqual([1, 8, expect.any(String)]);
    expect(facts.dims("uneven")).toEqual([3, expect.any(String)]);
    for (const value of [...ranks, "r", "conv", "concat", "relu"]) expect(facts.dims(value), value).toBeUndefined();
  });
});
