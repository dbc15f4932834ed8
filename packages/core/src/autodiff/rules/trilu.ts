import { intAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";

/** Gradient of Trilu: the same triangle of the cotangent. */
export const triluRule: GradRule = {
  op: "Trilu",
  differentiable: () => [0],
  vjp(cx) {
    const diagonal = cx.node.inputs.slice(1);
    const upper = intAttribute(cx.node, "upper", 1);
    return [cx.op("Trilu", [cx.cotangent(0)!, ...diagonal], { upper }), ...diagonal.map(() => null)];
  },
};
