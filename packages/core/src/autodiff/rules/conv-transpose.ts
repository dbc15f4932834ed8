import { intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";
import { refuseWeights } from "./conv.js";
import { windowOf } from "./window.js";

/**
 * Gradient of a ConvTranspose on its input: a Conv with the same weight, strides, dilations and pads. An output padding
 * (less than a stride) adds no window.
 * Costs one forward pass of the node.
 * @throws no-gradient when the gradient on the weight or bias is wanted.
 */
export const convTransposeRule: GradRule = {
  op: "ConvTranspose",
  unsupported(node) {
    if (intsAttribute(node, "output_shape") !== undefined)
      return "output_shape is set (only explicit pads are differentiated)";
    const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
    return autoPad.startsWith("SAME") ? `auto_pad is ${autoPad} (only explicit pads are differentiated)` : undefined;
  },
  vjp(cx) {
    refuseWeights(cx);
    const g = cx.cotangent(0)!;
    const window = windowOf(cx, 1);
    const pads = window.pads!;
    const dx = cx.op("Conv", [g, cx.input(1)], {
      kernel_shape: window.kernel,
      strides: window.strides,
      dilations: window.dilations,
      pads: [...pads.begin, ...pads.end],
      group: intAttribute(cx.node, "group", 1),
    });
    return [dx, ...cx.node.inputs.slice(1).map(() => null)];
  },
};
