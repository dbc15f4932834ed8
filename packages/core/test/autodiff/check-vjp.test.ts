import { describe, expect, it } from "vitest";
import type { GradRule } from "../../src/autodiff/rule.js";
import { checkVjp } from "../support/check-vjp.js";

/** The harness is only worth what it catches: each of these rules for Mul is wrong in one way. */
const wrongRules: Record<string, GradRule> = {
  "a wrong sign": { op: "Mul", broadcasts: true, vjp: (cx) => [cx.op("Neg", [times(cx, 1)]), times(cx, 0)] },
  "swapped operands": { op: "Mul", broadcasts: true, vjp: (cx) => [times(cx, 0), times(cx, 1)] },
  "a missing gradient": { op: "Mul", broadcasts: true, vjp: (cx) => [times(cx, 1), null] },
  "1 % too much": {
    op: "Mul",
    broadcasts: true,
    vjp: (cx) => [cx.op("Mul", [times(cx, 1), cx.build.float(1.01)]), times(cx, 0)],
  },
  "no sum over broadcast axes": { op: "Mul", vjp: (cx) => [times(cx, 1), times(cx, 0)] },
  NaN: {
    op: "Mul",
    broadcasts: true,
    vjp: (cx) => [cx.op("Mul", [times(cx, 1), cx.build.float(Number.NaN)]), times(cx, 0)],
  },
  "seeds mixed": {
    op: "Mul",
    broadcasts: true,
    vjp(cx) {
      const mean = cx.op("ReduceMean", [cx.cotangent(0)!, cx.build.ints([0])], { keepdims: 1 });
      const all = cx.op("Add", [cx.op("Sub", [cx.cotangent(0)!, mean]), mean]);
      return [cx.op("Mul", [cx.manySeeds ? cx.op("Add", [all, mean]) : all, cx.input(1)]), times(cx, 0)];
    },
  },
};

function times(cx: Parameters<GradRule["vjp"]>[0], other: number): string {
  return cx.op("Mul", [cx.cotangent(0)!, cx.input(other)]);
}

describe("checkVjp catches", () => {
  it.each(Object.entries(wrongRules))("%s", async (_, rule) => {
    const check = checkVjp({
      build: (b, { x, y }) => b.op("Mul", [x!, y!]),
      inputs: { x: { dims: [1, 3, 5] }, y: { dims: [1, 3, 1] } },
      rules: [rule],
    });
    await expect(check).rejects.toThrow();
  });
});
