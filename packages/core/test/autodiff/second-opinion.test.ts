import { grad, init, numpy as np } from "@jax-js/jax";
import { ONNXModel } from "@jax-js/onnx";
import { expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { expectClose, joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";

const random = randomSource(5);
const draw = (dims: readonly number[]) => Float32Array.from({ length: sizeOf(dims) }, () => 2 * random() - 1);

/** A little of everything that is in a YOLO network: strided and padded Conv, SiLU, a residual sum, pooling, Concat, a head. */
function network() {
  const b = new GraphBuilder("m");
  const conv = (x: string, dims: readonly number[], stride: number) => {
    const p = Math.floor(dims[2]! / 2);
    const attributes = {
      kernel_shape: dims.slice(2),
      strides: [stride, stride],
      pads: [p, p, p, p],
      dilations: [1, 1],
      group: 1,
    };
    const z = b.op("Conv", [x, b.floats(dims, draw(dims)), b.floats([dims[0]!], draw([dims[0]!]))], attributes);
    return b.op("Mul", [z, b.op("Sigmoid", [z])]);
  };
  b.input("x", [1, 3, 8, 10]);
  const stem = conv("x", [4, 3, 3, 3], 2);
  const residual = b.op("Add", [stem, conv(conv(stem, [2, 4, 1, 1], 1), [4, 2, 3, 3], 1)]);
  const pool = b.op("MaxPool", [residual], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] });
  const joined = conv(b.op("Concat", [residual, pool], { axis: 1 }), [6, 8, 1, 1], 1);
  const rows = b.op("Transpose", [b.op("Reshape", [joined, b.ints([1, 6, 20])])], { perm: [0, 2, 1] });
  b.node("Sigmoid", [b.op("MatMul", [rows, b.floats([6, 5], draw([6, 5]))])], ["y"]);
  b.output("y", [1, 20, 5]);
  return b.graph("network");
}

it("agrees with jax-js, another autodiff of ONNX models in TypeScript", async () => {
  const graph = network();
  const x = { dims: [1, 3, 8, 10], data: draw([1, 3, 8, 10]) };
  const c = { dims: [1, 20, 5], data: draw([1, 20, 5]) };
  const backward = buildBackward(graph, { taps: ["x"], outputs: ["y"], manySeeds: false });
  const feeds = { x, [backward.seeds.get("y")!]: c };
  const [ours] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("x")!]);

  await init("wasm"); // The default tries the GPU first, through a global that Node 20 has not.
  const parts = {
    irVersion: 8,
    opsets: new Map([["", 17]]),
    producerName: "",
    producerVersion: "",
    metadata: new Map(),
    graph,
  };
  const model = new ONNXModel(Uint8Array.from(encodeModel(parts)));
  const seed = np.array(c.data).reshape(c.dims);
  const loss = (input: np.Array) => np.multiply(model.run({ x: input }).y!, seed.ref).sum();
  const theirs = grad(loss)(np.array(x.data).reshape(x.dims));
  expect(theirs.shape).toEqual(x.dims);
  expectClose(ours!.data, Array.from(await theirs.data()), "gradient of the input", 1e-5);
  seed.dispose();
  model.dispose();
});
