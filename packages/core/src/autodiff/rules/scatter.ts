import type { Value } from "../../onnx/builder.js";
import type { VjpContext } from "../rule.js";
import { countTo, join, padBy, zerosOf } from "./axes.js";

/**
 * Adjoint of `y = x[:, indices, :]`: adds `g[a, i, b]` to `dx[a, indices[i], b]`.
 * `g3` is [A, I, B], `indices` an int64 vector [I] (repeats and negative ones allowed), `size` the length D of the
 * gathered axis as a vector of one; returns [A, D, B].
 */
export function scatterAdd(cx: VjpContext, g3: Value, indices: Value, size: Value): Value {
  const { build } = cx;
  const shape = cx.op("Shape", [g3]);
  const outer = cx.op("Shape", [g3], { start: 0, end: 1 });
  const inner = cx.op("Shape", [g3], { start: 2, end: 3 });
  const column = cx.op("Reshape", [indices, build.ints([1, -1, 1])]);
  return cx.op("ScatterElements", [zerosOf(cx, join(cx, outer, size, inner)), cx.op("Expand", [column, shape]), g3], {
    axis: 1,
    reduction: "add",
  });
}

/** An axis of a value of `rank` axes. The rank is undefined when it is not known in advance. */
export interface PlacedAxis {
  readonly axis: number;
  readonly rank: number | undefined;
}

/**
 * Adjoint of `y = take(x, indices, axis)` for indices that never repeat: every entry of `g` has one position in the result.
 * Uses a Gather with the inverted index table; positions without a source read an appended zero. This copies whole
 * blocks, while ScatterElements copies single values. `indices` is an int64 vector with entries in 0 … D-1.
 */
export function placeAlong(cx: VjpContext, g: Value, indices: Value, { axis, rank }: PlacedAxis, size: Value): Value {
  const { build } = cx;
  const count = cx.op("Shape", [indices]);
  const nowhere = cx.op("Expand", [count, size]);
  const source = cx.op("ScatterElements", [nowhere, indices, countTo(cx, count)], { axis: 0 });
  const withZero = padBy(cx, g, build.ints([0]), build.ints([1]), { axes: [axis], rank });
  return cx.op("Gather", [withZero, source], { axis });
}
