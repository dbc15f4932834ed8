import { intAttribute } from "../attributes.js";
import { change, type Rewrite, unsupportedNode } from "./rewrite.js";

/** BatchNormalization (opset < 14) of inference: one output, no `spatial`. */
export const batchNormalization: Rewrite = (node, cx) => {
  if (cx.opset >= 14) return node;
  if (intAttribute(node, "spatial", 1) !== 1)
    throw unsupportedNode(node, "spatial = 0 has no form in newer opsets", cx);
  const [output = "", ...training] = node.outputs;
  if (training.some((name) => name !== "" && cx.isRead(name))) {
    throw unsupportedNode(node, "it is in training mode (running statistics are read)", cx);
  }
  return change(node, { outputs: [output], without: ["spatial"] });
};

/** GroupNormalization-18 (opset < 21): scale and bias per group become per channel. */
export const groupNormalization: Rewrite = (node, cx) => {
  if (cx.opset >= 21) return node;
  const { build } = cx;
  const groups = intAttribute(node, "num_groups", 1);
  const channels = build.op("Shape", [node.inputs[0]!], { start: 1, end: 2 });
  const shape = build.op("Concat", [build.ints([1]), build.op("Div", [channels, build.ints([groups])])], { axis: 0 });
  const perChannel = node.inputs.slice(1, 3).map((value) => {
    const column = build.op("Unsqueeze", [value, build.ints([1])]);
    return build.op("Reshape", [build.op("Expand", [column, shape]), build.ints([-1])]);
  });
  return change(node, { inputs: [node.inputs[0]!, ...perChannel] });
};

/** Dropout of inference is the identity, in every opset. */
export const dropout: Rewrite = (node, cx) => {
  const training = node.inputs[2] ?? "";
  if (training !== "") {
    const constant = cx.constant(training);
    if (constant === undefined || constant.bytes.some((byte) => byte !== 0)) {
      throw unsupportedNode(node, "it may be in training mode, so its results are random", cx);
    }
  }
  const mask = node.outputs[1] ?? "";
  if (mask !== "" && cx.isRead(mask)) throw unsupportedNode(node, "its mask is read, which only training needs", cx);
  return change(node, {
    opType: "Identity",
    inputs: [node.inputs[0]!],
    outputs: node.outputs.slice(0, 1),
    without: ["ratio", "seed", "is_test"],
  });
};
