import { describe, expect, it } from "vitest";
import { planDifferentiation } from "../../src/autodiff/reachability.js";
import { defaultRules, ruleTable } from "../../src/autodiff/rules/index.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { checkVjp } from "../support/check-vjp.js";

type Mode = "equal" | "refused" | "skip";

describe("MatMul agrees with differences", () => {
  it.each<[readonly number[], readonly number[]]>([
    [
      [3, 5],
      [5, 2],
    ],
    [[5], [5]],
    [[5], [5, 2]],
    [[3, 5], [5]],
    [[5], [2, 3, 5, 7]],
    [[2, 3, 7, 5], [5]],
    [
      [2, 3, 5],
      [2, 5, 7],
    ],
    [
      [2, 3, 5],
      [5, 7],
    ],
    [
      [3, 5],
      [2, 5, 7],
    ],
    [
      [1, 3, 5],
      [2, 5, 7],
    ],
    [
      [2, 1, 3, 5],
      [3, 5, 2],
    ],
    [
      [1, 1],
      [1, 1],
    ],
  ])("%j × %j", (a, b) =>
    checkVjp({
      build: (builder, { a, b }) => builder.op("MatMul", [a!, b!]),
      inputs: { a: { dims: a }, b: { dims: b } },
      manySeeds: "skip",
    }),
  );

  it.each<[string, readonly number[], readonly number[], readonly string[], Mode]>([
    ["both of a batch", [1, 2, 3, 5], [1, 2, 5, 7], ["a", "b"], "equal"],
    ["a batch axis of one", [1, 1, 3, 5], [1, 2, 5, 7], ["a", "b"], "equal"],
    ["weights on the right", [1, 3, 5], [5, 7], ["a"], "equal"],
    ["rows and weights", [1, 5], [5, 7], ["a"], "equal"],
    ["a vector on the right", [1, 3, 5], [5], ["a"], "equal"],
    ["a vector on the left", [5], [1, 2, 5, 7], ["b"], "equal"],
    ["the weights themselves", [1, 3, 5], [5, 7], ["b"], "refused"],
    ["the vector on the right", [1, 3, 5], [5], ["b"], "refused"],
    ["the vector on the left", [5], [1, 5, 7], ["a"], "refused"],
    ["one matrix before a batch", [1, 5], [1, 5, 7], ["a"], "refused"],
  ])("many seeds, %s: %j × %j", (_, a, b, wanted, manySeeds) =>
    checkVjp({
      build: (builder, { a, b }) => builder.op("MatMul", [a!, b!]),
      inputs: { a: { dims: a }, b: { dims: b } },
      wanted,
      manySeeds,
    }),
  );

  it("an operand of unknown rank is refused before anything is built", () => {
    const b = new GraphBuilder("m");
    const y = b.op("MatMul", [b.input("a", undefined), b.input("b", [3, 4])]);
    b.output(y);
    const { blocked } = planDifferentiation(b.graph("g"), ["a"], [y], ruleTable(defaultRules));
    expect(blocked).toEqual([{ op: "MatMul", count: 1, nodes: [y], reason: expect.stringContaining("rank") }]);
  });
});

describe("Gemm agrees with differences", () => {
  const shapeOf = (rows: number, columns: number, transposed: number) =>
    transposed ? [columns, rows] : [rows, columns];
  for (const transA of [0, 1]) {
    for (const transB of [0, 1]) {
      it.each([[[2]], [[3, 1]], [[1, 2]], [[3, 2]], [[]]])(`transA ${transA}, transB ${transB}, C of %j`, (c) =>
        checkVjp({
          build: (b, { a, b: right, c }) =>
            b.op("Gemm", [a!, right!, c!], { transA, transB, alpha: { float: 0.7 }, beta: { float: 1.3 } }),
          inputs: { a: { dims: shapeOf(3, 5, transA) }, b: { dims: shapeOf(5, 2, transB) }, c: { dims: c } },
          manySeeds: "skip",
        }),
      );
    }
  }

  it("without C", () =>
    checkVjp({
      build: (b, { a, b: right }) => b.op("Gemm", [a!, right!]),
      inputs: { a: { dims: [2, 3] }, b: { dims: [3, 4] } },
    }));

  it.each<[string, readonly number[], number, readonly string[], Mode]>([
    ["rows", [1, 5], 0, ["a"], "equal"],
    ["a bias of full rank", [1, 5], 0, ["a", "c"], "equal"],
    ["transposed rows", [5, 1], 1, ["a"], "refused"],
    ["weights", [1, 5], 0, ["b"], "refused"],
  ])("many seeds, %s", (_, a, transA, wanted, manySeeds) =>
    checkVjp({
      build: (b, { a, b: right, c }) => b.op("Gemm", [a!, right!, c!], { transA }),
      inputs: { a: { dims: a }, b: { dims: [5, 4] }, c: { dims: [1, 4] } },
      wanted,
      manySeeds,
    }),
  );
});
