import { intAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";
import { refuseAxisZero } from "./axes.js";

/** Gradient of Split: the concatenation of the parts' cotangents, with zeros for parts without a cotangent. */
export const splitRule: GradRule = {
  op: "Split",
  differentiable: () => [0],
  vjp(cx) {
    const axis = intAttribute(cx.node, "axis", 0);
    refuseAxisZero(cx, [axis], cx.input(0));
    const parts = cx.node.outputs.map((name, i) => cx.cotangent(i) ?? cx.zerosLike(name));
    const whole = parts.length === 1 ? parts[0]! : cx.op("Concat", parts, { axis });
    return [whole, ...cx.node.inputs.slice(1).map(() => null)];
  },
};
