import { floatsAttribute, stringAttribute } from "../attributes.js";
import type { Value } from "../builder.js";
import { DataType, type Node, type TensorProto } from "../model.js";
import { floatsOf } from "../tensors.js";
import { change, type Rewrite, type RewriteContext } from "./rewrite.js";

/**
 * Resize: omitted `roi`, `scales`, `sizes` become "" instead of empty constants. Resize-10 gets the later form.
 * Only one mode reads `roi`, so it is "" in the others.
 */
export const resize: Rewrite = (node, cx) => {
  if (cx.opset < 11) return resize10(node, cx);
  const mode = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  const inputs = node.inputs.map((input, i) => {
    if (i === 1 && mode !== "tf_crop_and_resize") return "";
    const constant = i === 0 ? undefined : cx.constant(input);
    return constant !== undefined && constant.bytes.length === 0 ? "" : input;
  });
  while (inputs.at(-1) === "") inputs.pop();
  return change(node, { inputs });
};

/** Upsample-7 and Upsample-9 (opset < 10): scales are 1 or more. */
export const upsample: Rewrite = (node, cx) => {
  if (cx.opset >= 10) return node;
  const attribute = cx.opset < 9 ? floatsAttribute(node, "scales") : undefined;
  const scales = attribute === undefined ? node.inputs[1]! : cx.build.floats([attribute.length], attribute);
  return asResize(node, { scales, nearest: "floor" });
};

/**
 * Resize-10. Coordinates are asymmetric; `nearest` takes the floor when an axis grows and the ceiling when it
 * shrinks (as ONNX Runtime does, and as exporters of that time expect). Since opset 11 one mode serves all axes. So
 * growing and shrinking at once, or by unknown scales, takes two steps.
 */
function resize10(node: Node, cx: RewriteContext): Node {
  const scales = node.inputs[1]!;
  const known = floatConstant(cx.constant(scales));
  const nearest = stringAttribute(node, "mode", "nearest") === "nearest";
  if (!nearest || known?.every((scale) => scale >= 1)) return asResize(node, { scales, nearest: "floor" });
  if (known?.every((scale) => scale <= 1)) return asResize(node, { scales, nearest: "ceil" });
  const one = cx.build.float(1);
  const grown = cx.build.op("Resize", [node.inputs[0]!, "", cx.build.op("Max", [scales, one])], spelling("floor"));
  return asResize({ ...node, inputs: [grown] }, { scales: cx.build.op("Min", [scales, one]), nearest: "ceil" });
}

function floatConstant(tensor: TensorProto | undefined): Float32Array | undefined {
  return tensor?.dataType === DataType.FLOAT ? floatsOf(tensor) : undefined;
}

function asResize(node: Node, how: { readonly scales: Value; readonly nearest: string }): Node {
  return change(node, {
    opType: "Resize",
    inputs: [node.inputs[0]!, "", how.scales],
    without: ["scales"],
    set: spelling(how.nearest),
  });
}

function spelling(nearest: string): { coordinate_transformation_mode: string; nearest_mode: string } {
  return { coordinate_transformation_mode: "asymmetric", nearest_mode: nearest };
}
