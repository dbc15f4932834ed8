import { intAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";
import { constantInts, refuseAxisZero } from "./axes.js";

/** Gradient of CumSum: the cumulative sum in the opposite direction. */
export const cumSum: GradRule = {
  op: "CumSum",
  differentiable: () => [0],
  vjp(cx) {
    refuseAxisZero(cx, constantInts(cx, 1), cx.input(0));
    const exclusive = intAttribute(cx.node, "exclusive", 0);
    const reverse = intAttribute(cx.node, "reverse", 0) === 0 ? 1 : 0;
    return [cx.op("CumSum", [cx.cotangent(0)!, cx.input(1)], { exclusive, reverse }), null];
  },
};
