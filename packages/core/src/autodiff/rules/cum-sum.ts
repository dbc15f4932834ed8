import { intAttribute } from "../../onnx/attributes.js";
import { intsOf } from "../../onnx/tensors.js";
import type { GradRule } from "../rule.js";
import { batchAxisUntouched } from "./batch-axis.js";

/** The sum runs the other way round. */
export const cumSum: GradRule = {
  op: "CumSum",
  differentiable: () => [0],
  vjp(cx) {
    const axis = cx.constant(1);
    batchAxisUntouched(cx, axis ? intsOf(axis) : [0]);
    const exclusive = intAttribute(cx.node, "exclusive", 0);
    const reverse = intAttribute(cx.node, "reverse", 0) === 0 ? 1 : 0;
    return [cx.op("CumSum", [cx.cotangent(0)!, cx.input(1)], { exclusive, reverse }), null];
  },
};
