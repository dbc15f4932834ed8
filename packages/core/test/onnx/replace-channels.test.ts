import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { buildTail } from "../../src/onnx/cut.js";
import { replaceChannels } from "../../src/onnx/replace-channels.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";
import { randomTensor } from "../support/tensors.js";
import { modelOf } from "./support.js";

const [C, H, W, M] = [5, 3, 4, 7];
const random = randomSource(11);
const activations = randomTensor([1, C, H, W], random);
const items = [
  [0, 0],
  [4, -2.5],
  [2, 1e7],
  [2, 0.25],
];

/** What of the tap a graph makes, its own way for each item and through the items' graph. */
async function bothWays(make: (b: GraphBuilder) => string) {
  const b = new GraphBuilder("m");
  b.input("image", undefined);
  b.node("Identity", ["image"], ["x"]);
  b.output(make(b));
  const tail = buildTail(modelOf(b.graph("g")), ["x"], [b.outputs[0]!.name]);
  const made = replaceChannels(tail, "x");
  const changed = items.map(([c, value]) => {
    const data = activations.data.slice();
    return { dims: activations.dims, data: data.fill(value!, c! * H * W, (c! + 1) * H * W) };
  });
  const plain = await Promise.all(changed.map((x) => runGraph(tail.model.graph, { x })));
  const [found] = await runGraph(made.model.graph, {
    [made.activations]: activations,
    [made.items]: { dims: [items.length, 2], data: Float32Array.from(items.flat()) },
  });
  const ops = made.model.graph.nodes.map(({ opType }) => opType);
  return { wanted: plain.flatMap(([y]) => [...y!.data]), found: found!, ops };
}

const fixed = (b: GraphBuilder, ...dims: readonly number[]) => b.floats(dims, randomTensor(dims, random).data);
const weights = (b: GraphBuilder, kernel: number) => fixed(b, M, C, kernel, kernel);

const graphs: readonly (readonly [string, pointwise: boolean, make: (b: GraphBuilder) => string])[] = [
  ["a 1×1 convolution", true, (b) => b.op("Conv", ["x", weights(b, 1), fixed(b, M)], { kernel_shape: [1, 1] })],
  ["one without bias", true, (b) => b.op("Sigmoid", [b.op("Conv", ["x", weights(b, 1)], { pads: [0, 0, 0, 0] })])],
  ["a 3×3 convolution", false, (b) => b.op("Conv", ["x", weights(b, 3), fixed(b, M)], { pads: [1, 1, 1, 1] })],
  ["a strided one", false, (b) => b.op("Conv", ["x", weights(b, 1)], { strides: [2, 2] })],
  ["a padded one", false, (b) => b.op("Conv", ["x", weights(b, 1)], { pads: [1, 1, 1, 1] })],
  ["one in groups", false, (b) => b.op("Conv", ["x", fixed(b, C, 1, 1, 1)], { group: C })],
  ["anything else", false, (b) => b.op("Exp", [b.op("Min", ["x", b.float(3)])])],
  ["the tap's own weights", false, (b) => b.op("MatMul", ["x", b.op("Transpose", ["x"], { perm: [0, 1, 3, 2] })])],
];

/** Each item for itself: one is as large as the number that it is filled with. */
function expectAlike({ dims, data }: Tensor, wanted: readonly number[]): void {
  expect(dims[0]).toBe(items.length);
  const size = wanted.length / items.length;
  for (let i = 0; i < items.length; i++) {
    expectClose(data.slice(i * size, (i + 1) * size), wanted.slice(i * size, (i + 1) * size), `item ${i}`);
  }
}

describe("a tail whose channels are replaced in the graph", () => {
  it.each(graphs)("%s", async (_, pointwise, make) => {
    const { wanted, found, ops } = await bothWays(make);
    expectAlike(found, wanted);
    expect(ops.includes("Where")).toBe(!pointwise);
  });

  it("two readers, one of them a 1×1 convolution", async () => {
    const { wanted, found, ops } = await bothWays((b) =>
      b.op("Add", [b.op("Conv", ["x", weights(b, 1)]), b.op("ReduceMax", ["x", b.ints([1])], { keepdims: 1 })]),
    );
    expectAlike(found, wanted);
    expect(ops).toContain("Where");
  });
});
