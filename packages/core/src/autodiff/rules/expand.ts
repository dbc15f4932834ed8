import type { GradRule } from "../rule.js";
import { constantInts, countTo } from "./axes.js";

/** Gradient of Expand: the sum over the axes that were repeated, which the engine takes as for any broadcasting op. */
export const expandRule: GradRule = {
  op: "Expand",
  broadcasts: true,
  differentiable: () => [0],
  vjp: (cx) => [cx.cotangent(0), null],
};

/** Gradient of Tile: the cotangent as [r0, d0, r1, d1, …], summed over the repeats r. */
export const tileRule: GradRule = {
  op: "Tile",
  differentiable: () => [0],
  vjp(cx) {
    const { build } = cx;
    const x = cx.input(0);
    const g = cx.cotangent(0)!;
    if (constantInts(cx, 1)?.[0] !== 1) cx.refuseManySeeds("it repeats axis 0, where the seeds are, or may");
    const shape = cx.seededShape(x);
    const column = build.ints([-1, 1]);
    const pairs = [cx.input(1), shape].map((vector) => cx.op("Reshape", [vector, column]));
    const folded = cx.op("Reshape", [cx.op("Concat", pairs, { axis: 1 }), build.ints([-1])]);
    const repeats = cx.op("Mul", [countTo(cx, cx.op("Shape", [shape])), build.ints([2])]);
    const summed = cx.op("ReduceSum", [cx.op("Reshape", [g, folded]), repeats], { keepdims: 0 });
    return [summed, null];
  },
};
