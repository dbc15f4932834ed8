import { describe, expect, it } from "vitest";
import { downsampling } from "../../src/detector/stride.js";
import { GraphBuilder } from "../../src/onnx/builder.js";

const factor = (write: (b: GraphBuilder) => string): number | undefined => {
  const b = new GraphBuilder();
  b.input("images", [1, 3, 64, 64]);
  const value = write(b);
  return downsampling(b.graph("g")).get(value);
};

describe("downsampling", () => {
  it.each<[string, number | undefined, (b: GraphBuilder) => string]>([
    ["channels in another order", 1, (b) => b.op("Gather", ["images", b.ints([2, 1, 0])], { axis: 1 })],
    ["lines picked", undefined, (b) => b.op("Gather", ["images", b.ints([0, 2])], { axis: 2 })],
    ["channels picked by what is computed", undefined, (b) => b.op("Gather", ["images", b.op("Shape", ["images"])])],
    ["channels moved to the end", 1, (b) => b.op("Transpose", ["images"], { perm: [0, 2, 3, 1] })],
    ["sides swapped", undefined, (b) => b.op("Transpose", ["images"], { perm: [0, 1, 3, 2] })],
    ["a pooling of 2", 2, (b) => b.op("MaxPool", ["images"], { kernel_shape: [2, 2], strides: [2, 2] })],
    ["every second line", 2, (b) => b.op("Slice", ["images", b.ints([0]), b.ints([64]), b.ints([2]), b.ints([2])])],
    ["space to depth", 2, (b) => b.op("SpaceToDepth", ["images"], { blocksize: 2 })],
    ["depth to space", 0.5, (b) => b.op("DepthToSpace", ["images"], { blocksize: 2 })],
  ])("%s: %s", (_, expected, write) => {
    expect(factor(write)).toBe(expected);
  });
});
