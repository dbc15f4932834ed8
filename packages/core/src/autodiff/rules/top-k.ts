import { intAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";
import { refuseAxisZero } from "./axes.js";

/** Gradient of the values of TopK: each goes back to its source. Of equal values ONNX Runtime takes the first. */
export const topKRule: GradRule = {
  op: "TopK",
  differentiable: () => [0],
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const axis = intAttribute(cx.node, "axis", -1);
    refuseAxisZero(cx, [axis], cx.input(0));
    const found = cx.output(1);
    const all = cx.manySeeds ? cx.op("Expand", [found, cx.op("Shape", [g])]) : found;
    return [cx.op("ScatterElements", [cx.zerosLike(cx.input(0)), all, g], { axis }), null];
  },
};
