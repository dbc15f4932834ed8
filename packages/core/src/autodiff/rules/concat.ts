import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { fromFront, join, refuseAxisZero, runningSums, sizeAt } from "./axes.js";

/** Gradient of Concat: each input gets its slice of the cotangent. */
export const concatRule: GradRule = {
  op: "Concat",
  vjp(cx) {
    const { inputs } = cx.node;
    const g = cx.cotangent(0)!;
    if (inputs.length === 1) return [g];
    const written = intAttribute(cx.node, "axis", 0);
    const axis = fromFront(cx, written, cx.output(0)) ?? written;
    refuseAxisZero(cx, [axis], cx.output(0));
    const sizes = inputs.map((input) => cx.staticDims(input)?.at(axis));
    const known = sizes.every((size) => typeof size === "number") ? sizes : undefined;
    if (inputs.every((_, i) => cx.wants(i))) {
      const lengths = known ? cx.build.ints(known) : join(cx, ...inputs.map((_, i) => sizeOfInput(cx, i, axis)));
      return cx.build.ops("Split", [g, lengths], inputs.length, { axis });
    }
    const ends = known ? runningSums(known).map((end) => cx.build.ints([end])) : computedEnds(cx, axis);
    const starts = [cx.build.ints([0]), ...ends];
    const axes = cx.build.ints([axis]);
    return inputs.map((_, i) => (cx.wants(i) ? cx.op("Slice", [g, starts[i]!, ends[i]!, axes]) : null));
  },
};

function sizeOfInput(cx: VjpContext, i: number, axis: number): Value {
  return sizeAt(cx, cx.shape(cx.input(i)), axis);
}

/** Where each input ends along the axis. */
function computedEnds(cx: VjpContext, axis: number): Value[] {
  let end = cx.build.ints([0]);
  return cx.node.inputs.map((_, i) => {
    end = cx.op("Add", [end, sizeOfInput(cx, i, axis)]);
    return end;
  });
}
