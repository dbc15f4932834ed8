import { describe, expect, it } from "vitest";
import { planDifferentiation } from "../../src/autodiff/reachability.js";
import { defaultRules, ruleTable } from "../../src/autodiff/rules/index.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { checkVjp, type InputSpec } from "../support/check-vjp.js";

const inputs: Record<string, Partial<InputSpec>> = {
  ReduceSum: {},
  ReduceMean: {},
  ReduceMax: { distinct: true },
  ReduceMin: { distinct: true },
  ReduceL1: { avoid: [0] },
  ReduceL2: { range: [0.3, 1.5] },
  ReduceSumSquare: {},
  ReduceLogSumExp: {},
};

type Mode = "equal" | "refused";
/** [axes, keepdims, what many seeds do]. */
const variants: readonly [readonly number[] | undefined, number, Mode][] = [
  [[2, 3], 1, "equal"],
  [[-1], 0, "equal"],
  [[1, -2], 0, "equal"],
  [[0, 2], 1, "equal"],
  [[0, 2], 0, "refused"],
  [[-4], 0, "refused"],
  [undefined, 1, "equal"],
  [undefined, 0, "refused"],
];

describe("reductions agree with differences", () => {
  for (const [op, x] of Object.entries(inputs)) {
    it.each(variants)(`${op} over %j, keepdims %d: many seeds %s`, (axes, keepdims, manySeeds) =>
      checkVjp({
        build: (b, { x }) => b.op(op, axes ? [x!, b.ints(axes)] : [x!], { keepdims }),
        inputs: { x: { dims: [1, 3, 2, 5], ...x } },
        manySeeds,
      }),
    );
  }

  it("axes computed in the graph", () =>
    checkVjp({
      build: (b, { x }) => {
        const last = b.op("Sub", [b.op("Shape", [b.op("Shape", [x!])]), b.ints([1])]);
        return b.op("ReduceSum", [x!, last], { keepdims: 0 });
      },
      inputs: { x: { dims: [1, 3, 5] } },
      manySeeds: "refused",
    }));

  it("noop_with_empty_axes with axes given", () =>
    checkVjp({
      build: (b, { x }) => b.op("ReduceMean", [x!, b.ints([1])], { noop_with_empty_axes: 1 }),
      inputs: { x: { dims: [1, 3, 5] } },
    }));

  it("noop_with_empty_axes without axes is refused before anything is built", () => {
    const b = new GraphBuilder("m");
    const y = b.op("ReduceSum", [b.input("x", [2, 3])], { noop_with_empty_axes: 1 });
    b.output(y);
    const { blocked } = planDifferentiation(b.graph("g"), ["x"], [y], ruleTable(defaultRules));
    expect(blocked).toEqual([{ op: "ReduceSum", count: 1, nodes: [y], reason: expect.stringContaining("noop") }]);
  });
});

describe("Softmax and LogSoftmax agree with differences", () => {
  for (const op of ["Softmax", "LogSoftmax"]) {
    it.each([
      [1, "equal"],
      [-1, "equal"],
      [undefined, "equal"],
      [0, "refused"],
      [-3, "refused"],
    ] as const)(`${op} over axis %d: many seeds %s`, (axis, manySeeds) =>
      checkVjp({
        build: (b, { x }) => b.op(op, [x!], axis === undefined ? {} : { axis }),
        inputs: { x: { dims: [1, 4, 3], range: [-3, 3] } },
        manySeeds,
      }),
    );
  }

  it("over a batch", () =>
    checkVjp({ build: (b, { x }) => b.op("Softmax", [x!], { axis: 0 }), inputs: { x: { dims: [5, 3] } } }));
});

describe("CumSum agrees with differences", () => {
  it.each([
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ])("exclusive %d, reverse %d", (exclusive, reverse) =>
    checkVjp({
      build: (b, { x }) => b.op("CumSum", [x!, b.int(-1)], { exclusive, reverse }),
      inputs: { x: { dims: [1, 3, 5] } },
    }),
  );

  it("along axis 0", () =>
    checkVjp({
      build: (b, { x }) => b.op("CumSum", [x!, b.int(0)]),
      inputs: { x: { dims: [1, 5] } },
      manySeeds: "refused",
    }));
});
