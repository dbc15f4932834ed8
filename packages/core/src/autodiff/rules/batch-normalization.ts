import { floatAttribute, intAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";
import { zerosOf } from "./axes.js";
import { refuseWeights } from "./conv.js";

/**
 * Gradient of BatchNormalization (inference) on its input: g · scale / √(var + epsilon), which is the same op without
 * mean and bias.
 * @throws no-gradient when the gradient on scale, bias, mean or variance is wanted.
 */
export const batchNormalizationRule: GradRule = {
  op: "BatchNormalization",
  unsupported: (node) =>
    intAttribute(node, "training_mode", 0) === 0 ? undefined : "training_mode is set; export the model for inference",
  vjp(cx) {
    refuseWeights(cx);
    const zeros = zerosOf(cx, cx.shape(cx.input(2)));
    const epsilon = { float: floatAttribute(cx.node, "epsilon", 1e-5) };
    const dx = cx.op("BatchNormalization", [cx.cotangent(0)!, cx.input(1), zeros, zeros, cx.input(4)], { epsilon });
    return [dx, null, null, null, null];
  },
};
