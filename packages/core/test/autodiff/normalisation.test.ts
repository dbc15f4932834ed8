import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import type { GraphBuilder, Value } from "../../src/onnx/builder.js";
import { GraphBuilder as Builder } from "../../src/onnx/builder.js";
import { checkVjp, type VjpCase } from "../support/check-vjp.js";
import { randomSource } from "../support/random.js";

const random = randomSource(3);
const weights = (n: number): number[] => Array.from({ length: n }, () => 3 * random() - 1.5);

type Case = [string, readonly number[], (b: GraphBuilder, x: Value) => Value, Partial<VjpCase>?];

const layer = (axis: number | undefined, scale: readonly number[], bias = true, epsilon = 1e-5) => {
  const size = scale.reduce((product, size) => product * size, 1);
  return (b: GraphBuilder, x: Value): Value => {
    const attributes = { epsilon: { float: epsilon }, ...(axis === undefined ? {} : { axis }) };
    const inputs = [x, b.floats(scale, weights(size)), ...(bias ? [b.floats(scale, weights(size))] : [])];
    return b.op("LayerNormalization", inputs, attributes);
  };
};

describe("LayerNormalization agrees with differences", () => {
  it.each<Case>([
    ["the last axis", [1, 5, 7], layer(-1, [7])],
    ["the default axis, batch 2, no bias", [2, 3, 5], layer(undefined, [5], false)],
    ["two axes from the front", [2, 3, 5, 7], layer(2, [5, 7])],
    ["two axes from behind, a large epsilon", [1, 3, 5, 7], layer(-2, [5, 7], true, 0.3)],
    ["one scale for all", [1, 3, 5], layer(1, [1])],
    ["axis 0", [3, 5], layer(0, [3, 5])],
    ["axis 0 with seeds", [1, 5], layer(0, [1, 5]), { manySeeds: "refused" }],
    ["axis 0 from behind with seeds", [1, 5], layer(-2, [1, 5]), { manySeeds: "refused" }],
  ])("%s: %j", (_, dims, build, rest) =>
    checkVjp({ build: (b, { x }) => build(b, x!), inputs: { x: { dims } }, ...rest }),
  );

  it("an axis from the front of an input of unknown rank", () =>
    checkVjp({
      build: (b, { x }) => {
        const shape = b.op("Cast", [b.op("Expand", [b.floats([1], [5]), b.ints([1])])], { to: 7 });
        // The length of the shape is known only at run time: a Concat of something filtered.
        const some = b.op("Compress", [shape, b.op("Equal", [shape, b.ints([5])])], { axis: 0 });
        const rows = b.op("Reshape", [x!, b.op("Concat", [b.ints([1, 3]), some], { axis: 0 })]);
        return layer(1, [5])(b, rows);
      },
      inputs: { x: { dims: [1, 15] } },
      manySeeds: "skip",
    }));

  it("refuses the gradient of its scale, and through its mean", () => {
    const of = (wanted: string, output: number) => {
      const b = new Builder("m");
      b.input("x", [2, 5]);
      b.input("s", [5]);
      const y = b.ops("LayerNormalization", ["x", "s"], 2)[output]!;
      b.output(y);
      return () => buildBackward(b.graph("g"), { taps: [wanted], outputs: [y], manySeeds: false });
    };
    expect(of("x", 0)).not.toThrow();
    expect(of("s", 0)).toThrow(expect.objectContaining({ code: "no-gradient", message: expect.stringContaining("s") }));
    expect(of("x", 1)).toThrow(expect.objectContaining({ message: expect.stringContaining("mean or deviation") }));
  });
});

describe("RMSNormalization agrees with differences", () => {
  const rms = (axis: number, scale: readonly number[]) => (b: GraphBuilder, x: Value) =>
    b.op("RMSNormalization", [x, b.floats(scale, weights(scale.reduce((a, c) => a * c, 1)))], { axis });
  it.each<Case>([
    ["the last axis", [1, 3, 7], rms(-1, [7])],
    ["two axes, batch 2", [2, 3, 5], rms(1, [3, 5])],
  ])("%s: %j", (_, dims, build) => checkVjp({ build: (b, { x }) => build(b, x!), inputs: { x: { dims } }, opset: 23 }));
});

const perChannel =
  (op: string, channels: number, attributes = {}) =>
  (b: GraphBuilder, x: Value) =>
    b.op(op, [x, b.floats([channels], weights(channels)), b.floats([channels], weights(channels))], attributes);

describe("InstanceNormalization and GroupNormalization agree with differences", () => {
  it.each<Case>([
    ["InstanceNormalization of an image", [1, 3, 5, 2], perChannel("InstanceNormalization", 3)],
    ["InstanceNormalization of rows, batch 2", [2, 3, 7], perChannel("InstanceNormalization", 3)],
    ["GroupNormalization in 2 groups", [1, 6, 3, 5], perChannel("GroupNormalization", 6, { num_groups: 2 })],
    ["GroupNormalization, batch 2", [2, 6, 5], perChannel("GroupNormalization", 6, { num_groups: 3 })],
    ["GroupNormalization in 1 group", [1, 3, 5], perChannel("GroupNormalization", 3, { num_groups: 1 })],
    ["GroupNormalization, each channel alone", [1, 3, 5], perChannel("GroupNormalization", 3, { num_groups: 3 })],
  ])("%s: %j", (_, dims, build) =>
    checkVjp({ build: (b, { x }) => build(b, x!), inputs: { x: { dims } }, tolerance: 2e-3 }),
  );

  it.each([1, 2])("GroupNormalization as PyTorch exports it, batch %d", (batch) =>
    checkVjp({
      build: (b, { x }) => {
        const groups = b.op("Reshape", [x!, b.ints([0, 2, -1])]);
        const ones = b.floats([2], [1, 1]);
        const flat = b.op("InstanceNormalization", [groups, ones, b.floats([2], [0, 0])]);
        const back = b.op("Reshape", [flat, b.op("Shape", [x!])]);
        const scaled = b.op("Mul", [back, b.floats([6, 1, 1], weights(6))]);
        return b.op("Add", [scaled, b.floats([6, 1, 1], weights(6))]);
      },
      inputs: { x: { dims: [batch, 6, 3, 5] } },
    }),
  );

  it.each(["InstanceNormalization", "GroupNormalization"])("%s refuses the gradient of its scale", (op) => {
    const b = new Builder("m");
    b.input("x", [2, 4, 3]);
    b.input("s", [4]);
    const y = b.op(op, ["x", "s", b.floats([4], weights(4))], op === "GroupNormalization" ? { num_groups: 2 } : {});
    b.output(y);
    const build = () => buildBackward(b.graph("g"), { taps: ["s"], outputs: [y], manySeeds: false });
    expect(build).toThrow(expect.objectContaining({ code: "no-gradient" }));
  });
});
