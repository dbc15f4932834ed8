import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { join, refuseAxisZero, sizeAt } from "./axes.js";

/** Gradient of Concat: each input gets its slice of the cotangent. */
export const concatRule: GradRule = {
  op: "Concat",
  vjp(cx) {
    const { inputs } = cx.node;
    const g = cx.cotangent(0)!;
    if (inputs.length === 1) return [g];
    const axis = intAttribute(cx.node, "axis", 0);
    refuseAxisZero(cx, [axis], cx.output(0));
    const sizes = inputs.map((_, i) => sizeAt(cx, cx.shape(cx.input(i)), axis));
    if (!inputs.every((_, i) => cx.wants(i)))
      return inputs.map((_, i) => (cx.wants(i) ? partOf(cx, g, sizes, i, axis) : null));
    return cx.build.ops("Split", [g, join(cx, ...sizes)], inputs.length, { axis });
  },
};

/** The cotangent's entries for input `i` alone. */
function partOf(cx: VjpContext, g: Value, sizes: readonly Value[], i: number, axis: number): Value {
  const { build } = cx;
  const start = sizes.slice(0, i).reduce((sum, size) => cx.op("Add", [sum, size]), build.ints([0]));
  return cx.op("Slice", [g, start, cx.op("Add", [start, sizes[i]!]), build.ints([axis])]);
}
