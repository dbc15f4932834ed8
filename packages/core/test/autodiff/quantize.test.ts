import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { planDifferentiation } from "../../src/autodiff/reachability.js";
import { defaultRules, ruleTable } from "../../src/autodiff/rules/index.js";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType, type Graph } from "../../src/onnx/model.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { checkVjp, expectClose, joinBackward } from "../support/check-vjp.js";
import { runGraph, TEST_OPSET } from "../support/ort.js";
import { randomSource } from "../support/random.js";

const bytesPerValue = new Map<number, number>([
  [DataType.UINT8, 1],
  [DataType.INT8, 1],
  [DataType.UINT16, 2],
  [DataType.INT16, 2],
]);

/** A constant zero point. */
function zeroPoint(b: GraphBuilder, type: number, values: readonly number[], dims: readonly number[]): Value {
  const name = b.fresh("zero");
  const wide = Int16Array.from(values);
  const bytes = bytesPerValue.get(type) === 1 ? Uint8Array.from(values) : new Uint8Array(wide.buffer);
  b.initializers.set(name, { name, dims, dataType: type, bytes });
  return name;
}

interface Pair {
  readonly scale: readonly number[];
  /** Default: none, which is 0 as uint8. */
  readonly type?: number;
  readonly zero?: readonly number[];
  readonly axis?: number;
  /** One scale for all, written as a vector of one. */
  readonly vector?: boolean;
}

const RANGES = new Map<number, readonly [number, number]>([
  [DataType.UINT8, [0, 255]],
  [DataType.INT8, [-128, 127]],
  [DataType.UINT16, [0, 65535]],
  [DataType.INT16, [-32768, 32767]],
]);

function pair(b: GraphBuilder, x: Value, { scale, type, zero, axis, vector }: Pair): Value {
  const dims = scale.length > 1 || vector ? [scale.length] : [];
  const attributes: Record<string, AttributeLiteral> = axis === undefined ? {} : { axis };
  const parts = [b.floats(dims, scale)];
  if (type !== undefined) parts.push(zeroPoint(b, type, zero ?? scale.map(() => 0), dims));
  return b.op("DequantizeLinear", [b.op("QuantizeLinear", [x, ...parts], attributes), ...parts], attributes);
}

function backwardOf(graph: Graph, manySeeds: boolean) {
  const backward = buildBackward(graph, { taps: ["x"], outputs: [graph.outputs[0]!.name], manySeeds });
  return { backward, seed: backward.seeds.get(graph.outputs[0]!.name)!, gradient: backward.gradients.get("x")! };
}

/**
 * The pair's gradient must be the cotangent where the rounded value is inside the range, 0 elsewhere, computed here anew for each
 * value; with sizes known and not, with one seed and with three.
 */
async function checkPair(spec: Pair, dims: readonly number[], far = 1.6): Promise<void> {
  const random = randomSource(31);
  const channelAxis = (spec.axis ?? 1) < 0 ? dims.length + spec.axis! : (spec.axis ?? 1);
  const inner = sizeOf(dims.slice(channelAxis + 1));
  const [low, high] = RANGES.get(spec.type ?? DataType.UINT8)!;
  const channel = (i: number) => (spec.scale.length === 1 ? 0 : Math.floor(i / inner) % dims[channelAxis]!);
  const x = Float32Array.from({ length: sizeOf(dims) }, (_, i) => {
    const middle = (low + high) / 2 - (spec.zero?.[channel(i)] ?? 0);
    return spec.scale[channel(i)]! * (middle + far * (random() - 0.5) * (high - low));
  });
  const inside = Array.from(x, (value, i) => {
    const q = Math.round(value / Math.fround(spec.scale[channel(i)]!)) + (spec.zero?.[channel(i)] ?? 0);
    return q >= low && q <= high;
  });
  expect(new Set(inside).size, "values inside and outside the range").toBe(2);
  for (const sizes of ["static", "dynamic"]) {
    for (const count of dims[0] === 1 ? [1, 3] : [1]) {
      const b = new GraphBuilder("m");
      b.input("x", sizes === "static" ? dims : dims.map(() => null));
      b.output(pair(b, "x", spec));
      const graph = b.graph("pair");
      const { backward, seed, gradient } = backwardOf(graph, count > 1);
      expect(backward.manySeeds).toBe(count > 1);
      const seedDims = [dims[0]! * count, ...dims.slice(1)];
      const c = Float32Array.from({ length: sizeOf(seedDims) }, () => 2 * random() - 1);
      const feeds = { x: { dims, data: x }, [seed]: { dims: seedDims, data: c } };
      const [found] = await runGraph(joinBackward(graph, backward), feeds, [gradient]);
      expect(found!.dims).toEqual(seedDims);
      expectClose(
        found!.data,
        Array.from(c, (g, i) => (inside[i % inside.length] ? g : 0)),
        `${sizes}, ${count}`,
        1e-6,
      );
    }
  }
}

describe("a QuantizeLinear and DequantizeLinear pair passes the gradient inside the range, and only there", () => {
  it.each<[string, Pair, readonly number[]]>([
    ["uint8 without a zero point", { scale: [0.03] }, [1, 3, 5, 7]],
    ["uint8", { scale: [0.03], type: DataType.UINT8, zero: [117] }, [1, 3, 5, 7]],
    ["int8", { scale: [0.011], type: DataType.INT8, zero: [-7] }, [1, 3, 5, 7]],
    ["int8 of a vector of one", { scale: [0.011], type: DataType.INT8, zero: [3], vector: true }, [2, 3, 5]],
    ["int8 by channel", { scale: [0.02, 0.3, 1.7], type: DataType.INT8, zero: [0, -20, 40] }, [1, 3, 5, 7]],
    [
      "uint8 by the last axis",
      { scale: [0.02, 0.3, 1.7], type: DataType.UINT8, zero: [1, 200, 128], axis: -1 },
      [2, 5, 3],
    ],
    ["int8 by axis 0", { scale: [0.02, 0.3], type: DataType.INT8, axis: 0 }, [2, 5, 3]],
    ["uint16", { scale: [0.001], type: DataType.UINT16, zero: [3000] }, [1, 3, 11]],
    ["int16", { scale: [0.001], type: DataType.INT16, zero: [-300] }, [1, 3, 11]],
  ])("%s", (_, spec, dims) => checkPair(spec, dims));

  it("by an axis from the front of an input of unknown rank", async () => {
    const b = new GraphBuilder("m");
    b.input("x", undefined);
    b.output(pair(b, "x", { scale: [1, 2, 4], type: DataType.INT8, axis: 1 }));
    const graph = b.graph("pair");
    const { backward, seed, gradient } = backwardOf(graph, false);
    const data = Float32Array.of(127, 128, 254, 256, 508, 514);
    const feeds = {
      x: { dims: [1, 3, 2], data },
      [seed]: { dims: [1, 3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    };
    const [found] = await runGraph(joinBackward(graph, backward), feeds, [gradient]);
    expect([...found!.data]).toEqual([1, 0, 3, 0, 5, 0]);
  });

  it("the edge is where the rounded value leaves the range: half a step past the last, as in PyTorch", async () => {
    const b = new GraphBuilder("m");
    b.input("x", [6]);
    b.output(pair(b, "x", { scale: [2], type: DataType.INT8 }));
    const graph = b.graph("edge");
    const { backward, seed, gradient } = backwardOf(graph, false);
    const x = { dims: [6], data: Float32Array.of(-257.1, -257, -255, 254.9, 255.1, 0) };
    const feeds = { x, [seed]: { dims: [6], data: new Float32Array(6).fill(1) } };
    const [found] = await runGraph(joinBackward(graph, backward), feeds, [gradient]);
    expect([...found!.data]).toEqual([0, 1, 1, 1, 0, 1]);
  });
});

it("data may move between the two, and scales differ", async () => {
  const b = new GraphBuilder("m");
  b.input("x", [1, 2, 3]);
  const zero = zeroPoint(b, DataType.INT8, [0], []);
  const q = b.op("QuantizeLinear", ["x", b.float(0.5), zero]);
  const moved = b.op("Transpose", [b.op("Reshape", [q, b.ints([1, 3, 2])])], { perm: [0, 2, 1] });
  b.output(b.op("DequantizeLinear", [moved, b.float(0.25), zero]));
  const graph = b.graph("moved");
  const { backward, seed, gradient } = backwardOf(graph, false);
  const feeds = {
    x: { dims: [1, 2, 3], data: Float32Array.of(1, 2, 300, 4, -300, 6) },
    [seed]: { dims: [1, 2, 3], data: Float32Array.of(2, 4, 6, 8, 10, 12) },
  };
  const [found] = await runGraph(joinBackward(graph, backward), feeds, [gradient]);
  expect([...found!.data]).toEqual([1, 4, 0, 5, 0, 6]);
});

/** Rounding steps by the quantised model make differences of it useless: what is smooth is compared, the pairs put aside. */
it("a quantised convolution has the gradient of the plain one with the rounded weights", async () => {
  const random = randomSource(41);
  const weight = Array.from({ length: 4 * 3 * 9 }, () => Math.round(200 * (random() - 0.5)));
  const build = (quantised: boolean): Graph => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 3, 7, 5]);
    const [scale, zero] = [b.floats([4], [0.01, 0.02, 0.005, 0.01]), zeroPoint(b, DataType.INT8, [0, 0, 0, 0], [4])];
    const w = b.op("DequantizeLinear", [zeroPoint(b, DataType.INT8, weight, [4, 3, 3, 3]), scale, zero], { axis: 0 });
    const around = (x: Value) => (quantised ? pair(b, x, { scale: [0.05], type: DataType.UINT8, zero: [128] }) : x);
    b.output(around(b.op("Conv", [around("x"), w], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 1] })));
    return b.graph("conv");
  };
  const x = { dims: [1, 3, 7, 5], data: Float32Array.from({ length: 105 }, () => random() - 0.5) };
  const c = { dims: [1, 4, 4, 5], data: Float32Array.from({ length: 80 }, () => random() - 0.5) };
  const gradients = [];
  for (const quantised of [false, true]) {
    const graph = build(quantised);
    const { backward, seed, gradient } = backwardOf(graph, false);
    gradients.push((await runGraph(joinBackward(graph, backward), { x, [seed]: c }, [gradient]))[0]!);
  }
  expectClose(gradients[1]!.data, gradients[0]!.data, "gradient of the input");
  expect(Math.max(...gradients[0]!.data)).toBeGreaterThan(0.1);
});

/** Runs a graph as written: the optimiser would quantise the convolutions' weights as well, or not, depending on what is read. */
async function runAsWritten(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: string[],
): Promise<Tensor[]> {
  const opsets = new Map([["", TEST_OPSET]]);
  const model = { irVersion: 10, opsets, producerName: "test", producerVersion: "", metadata: new Map(), graph };
  const session = await InferenceSession.create(encodeModel(model), { graphOptimizationLevel: "disabled" });
  const fed = Object.entries(feeds).map(([name, { dims, data }]) => [name, new OrtTensor("float32", data, dims)]);
  const results = await session.run(Object.fromEntries(fed), outputs);
  await session.release();
  return outputs.map((name) => ({ dims: results[name]!.dims, data: results[name]!.data as Float32Array }));
}

/**
 * A network of two convolutions with SiLU, a residual sum and a Concat, `around` standing where a quantiser puts its pairs. What
 * straight-through means is written out in another graph: x · mask + the rest, with mask and rest as constants of that one image.
 */
it("a quantised network, partly clipped, has the gradient of the network with masks in place of its pairs", async () => {
  const spec: Pair = { scale: [0.008], type: DataType.INT8, zero: [-20] };
  const build = (around: (b: GraphBuilder, x: Value, i: number) => Value): Graph => {
    const random = randomSource(43);
    const b = new GraphBuilder("m");
    b.input("x", [1, 3, 5, 7]);
    let count = 0;
    const pairOf = (x: Value) => around(b, x, count++);
    const conv = (x: Value, inputs: number) => {
      const weight = b.floats(
        [3, inputs, 3, 3],
        Array.from({ length: 27 * inputs }, () => random() - 0.5),
      );
      const z = pairOf(b.op("Conv", [x, weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }));
      return pairOf(b.op("Mul", [z, pairOf(b.op("Sigmoid", [z]))]));
    };
    const first = conv(pairOf("x"), 3);
    const sum = pairOf(b.op("Add", [first, conv(first, 3)]));
    b.output(conv(b.op("Concat", [sum, first], { axis: 1 }), 6));
    return b.graph("network");
  };
  const random = randomSource(47);
  const x = { dims: [1, 3, 5, 7], data: Float32Array.from({ length: 105 }, () => 2.4 * (random() - 0.5)) };
  const c = { dims: [1, 3, 5, 7], data: Float32Array.from({ length: 105 }, () => random() - 0.5) };
  const before: Value[] = [];
  const after: Value[] = [];
  const quantised = build((b, value) => {
    before.push(value);
    after.push(pair(b, value, spec));
    return after.at(-1)!;
  });
  const names = [...new Set([...before, ...after])].filter((name) => name !== "x");
  const extra = names.map((name) => ({ name, elemType: DataType.FLOAT, shape: undefined }));
  const values = await runAsWritten({ ...quantised, outputs: extra }, { x }, names);
  const seen = (name: string) => (name === "x" ? x : values[names.indexOf(name)]!);
  let clipped = 0;
  const plain = build((b, value, i) => {
    const [raw, rounded] = [seen(before[i]!), seen(after[i]!)];
    const mask = raw.data.map((v) => (Math.abs(Math.round(v / 0.008) - 20 + 0.5) <= 127.5 ? 1 : 0));
    clipped += mask.filter((m) => m === 0).length;
    const rest = rounded.data.map((v, k) => v - raw.data[k]! * mask[k]!);
    return b.op("Add", [b.op("Mul", [value, b.floats(raw.dims, mask)]), b.floats(raw.dims, rest)]);
  });
  expect(clipped, "clipped values").toBeGreaterThan(50);
  const gradients = [];
  for (const graph of [quantised, plain]) {
    const { backward, seed, gradient } = backwardOf(graph, false);
    gradients.push((await runAsWritten(joinBackward(graph, backward), { x, [seed]: c }, [gradient]))[0]!);
  }
  expectClose(gradients[0]!.data, gradients[1]!.data, "gradient of the input", 1e-4);
});

describe("quantisation is refused beforehand", () => {
  it.each<[string, (b: GraphBuilder) => Value]>([
    ["block_size", (b) => b.op("QuantizeLinear", ["x", b.floats([1, 2], [1, 2])], { block_size: 2, axis: 1 })],
    ["zero point", (b) => b.op("QuantizeLinear", ["x", b.float(1), b.op("Cast", [b.float(3)], { to: DataType.INT8 })])],
    ["zero point", (b) => b.op("QuantizeLinear", ["x", b.float(1)], { output_dtype: 17 })],
  ])("%s", (why, build) => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 4]);
    const q = build(b);
    const y = b.op("DequantizeLinear", [q, b.float(1)]);
    b.output(y);
    const { blocked } = planDifferentiation(b.graph("g"), ["x"], [y], ruleTable(defaultRules));
    expect(blocked).toEqual([{ op: "QuantizeLinear", count: 1, nodes: [q], reason: expect.stringContaining(why) }]);
  });

  it("DequantizeLinear in blocks", () => {
    const b = new GraphBuilder("m");
    const q = b.op("QuantizeLinear", [b.input("x", [1, 4]), b.float(1)]);
    const y = b.op("DequantizeLinear", [q, b.floats([1, 2], [1, 2])], { block_size: 2, axis: 1 });
    b.output(y);
    const { blocked } = planDifferentiation(b.graph("g"), ["x"], [y], ruleTable(defaultRules));
    expect(blocked.map(({ op, reason }) => [op, reason])).toEqual([
      ["DequantizeLinear", expect.stringContaining("block_size")],
    ]);
  });
});

/** Differences see the slope of a pair as a whole where its steps are far finer than the difference. */
it.each([undefined, 1])("QuantizeLinear and DequantizeLinear of 16 bits agree with differences, axis %s", (axis) =>
  checkVjp({
    build: (b, { x }) => {
      const spec = axis === undefined ? { scale: [5e-5] } : { scale: [5e-5, 6e-5, 7e-5], axis };
      const zero = spec.scale.map(() => 0);
      return b.op("Sin", [pair(b, x!, { ...spec, type: DataType.INT16, zero })]);
    },
    inputs: { x: { dims: [1, 3, 5] } },
    step: 0.05,
    tolerance: 5e-3,
  }),
);
