import { grad, init, numpy as np } from "@jax-js/jax";
import { ONNXModel } from "@jax-js/onnx";
import { beforeAll, describe, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { normalise } from "../../src/onnx/normalise.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { expectClose, joinBackward } from "../support/check-vjp.js";
import { openGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";

interface Case {
  readonly x: readonly number[];
  /** Values between these; default −1 to 1. */
  readonly range?: readonly [number, number];
  /** Default 20. */
  readonly opset?: number;
  readonly build: (b: GraphBuilder, x: Value) => Value;
}

const random = randomSource(17);
const draw = (dims: readonly number[], [low, high]: readonly [number, number] = [-1, 1]): Tensor => ({
  dims,
  data: Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * random()),
});
const constant = (b: GraphBuilder, dims: readonly number[]): Value => b.floats(dims, draw(dims).data);

const cases: Readonly<Record<string, Case>> = {
  LayerNormalization: {
    x: [2, 3, 5],
    build: (b, x) => b.op("LayerNormalization", [x, constant(b, [5]), constant(b, [5])], { axis: -1 }),
  },
  "Gelu by its name": { x: [3, 5], build: (b, x) => b.op("Gelu", [x]) },
  Erf: { x: [3, 5], build: (b, x) => b.op("Erf", [x]) },
  Atan: { x: [3, 5], range: [-3, 3], build: (b, x) => b.op("Atan", [x]) },
  "Softmax attention": {
    x: [1, 2, 5, 3],
    build: (b, x) => {
      const scores = b.op("MatMul", [x, b.op("Transpose", [x], { perm: [0, 1, 3, 2] })]);
      return b.op("MatMul", [b.op("Softmax", [scores], { axis: -1 }), x]);
    },
  },
  // Places before the first pixel are left out: there jax-js (0.1.2) takes the second pixel for the first.
  "GridSample, the image": {
    opset: 16,
    x: [1, 2, 3, 5],
    build: (b, x) => b.op("GridSample", [x, b.floats([1, 3, 2, 2], draw([1, 3, 2, 2], [-0.6, 1.3]).data)]),
  },
  "GridSample, the grid": {
    opset: 16,
    x: [1, 3, 2, 2],
    range: [-0.9, 1.3],
    build: (b, x) => b.op("GridSample", [constant(b, [1, 2, 3, 5]), x], { mode: "bilinear", align_corners: 1 }),
  },
  ReduceL2: { x: [2, 3, 5], build: (b, x) => b.op("ReduceL2", [x, b.ints([1])], { keepdims: 1 }) },
  ReduceLogSumExp: { x: [2, 3, 5], build: (b, x) => b.op("ReduceLogSumExp", [x, b.ints([-1])], { keepdims: 0 }) },
  ReduceProd: { x: [2, 3, 5], range: [0.5, 2], build: (b, x) => b.op("ReduceProd", [x, b.ints([1])], { keepdims: 0 }) },
  LogSoftmax: { x: [2, 3, 5], build: (b, x) => b.op("LogSoftmax", [x], { axis: 1 }) },
  Tile: { x: [2, 3], build: (b, x) => b.op("Tile", [x, b.ints([2, 3])]) },
  TopK: { x: [3, 7], build: (b, x) => b.ops("TopK", [x, b.ints([3])], 2, { axis: -1 })[0]! },
};

beforeAll(() => init("wasm")); // The default tries the GPU first, through a global that Node 20 has not.

describe("agrees with jax-js, another autodiff of ONNX models in TypeScript", () => {
  it.each(Object.keys(cases))("%s", async (name) => {
    const { x: dims, range, opset = 20, build } = cases[name]!;
    const b = new GraphBuilder("m");
    b.input("x", dims);
    const y = build(b, "x");
    b.output(y);
    const opsets = new Map([["", opset]]);
    const meta = { irVersion: 8, opsets, producerName: "", producerVersion: "", metadata: new Map() };
    const model = { ...meta, graph: b.graph("op") };
    const { graph } = normalise(model);
    const x = draw(dims, range);
    const backward = buildBackward(graph, { taps: ["x"], outputs: [y], manySeeds: false });
    const session = await openGraph(joinBackward(graph, backward));
    const forward = await openGraph(graph);
    const [value] = await forward.run({ x }, [y]);
    const c = draw(value!.dims);
    const [ours] = await session.run({ x, [backward.seeds.get(y)!]: c }, [backward.gradients.get("x")!]);
    await forward.release();
    await session.release();

    const other = new ONNXModel(Uint8Array.from(encodeModel(model)));
    const seed = np.array(c.data).reshape([...c.dims]);
    const loss = (input: np.Array) => np.multiply(other.run({ x: input })[y]!, seed.ref).sum();
    const theirs = grad(loss)(np.array(x.data).reshape([...dims]));
    expectClose(ours!.data, Array.from(await theirs.data()), `gradient of ${name}`, 2e-5);
    seed.dispose();
    other.dispose();
  });
});
