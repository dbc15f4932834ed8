import { intAttribute } from "../onnx/attributes.js";
import { DataType, type Node } from "../onnx/model.js";

/**
 * Ops whose outputs carry no gradient: integers, booleans, shapes, indices, random numbers, and functions that are flat
 * almost everywhere (Floor, Sign: the gradient is zero, as in PyTorch). A value that depends on a tap only through them is a constant.
 */
const STOP_OPS: ReadonlySet<string> = new Set([
  ...["Shape", "Size", "ConstantOfShape", "Constant", "EyeLike", "Range"],
  ...["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "IsNaN", "IsInf"],
  ...["And", "Or", "Not", "Xor", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"],
  ...["ArgMax", "ArgMin", "NonZero", "NonMaxSuppression", "Hardmax"],
  ...["Floor", "Ceil", "Round", "Sign"],
  // Scale and zero point of dynamic quantisation count as constants (straight-through).
  "DynamicQuantizeLinear",
  ...["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"],
]);

/** Outputs that are indices or masks, of ops whose first output may carry a gradient. */
const INTEGER_OUTPUTS: ReadonlyMap<string, readonly number[]> = new Map([
  ["TopK", [1]],
  ["MaxPool", [1]],
  ["Dropout", [1]],
  ["Unique", [1, 2, 3]],
]);

const FLOAT_TYPES: ReadonlySet<number> = new Set([
  DataType.FLOAT,
  DataType.FLOAT16,
  DataType.DOUBLE,
  DataType.BFLOAT16,
]);

/** True when output `index` of the node never passes a gradient to the inputs. */
export function stopsGradient(node: Node, index: number): boolean {
  if (node.domain !== "") return false;
  if (STOP_OPS.has(node.opType)) return true;
  if (node.opType === "Cast") return !FLOAT_TYPES.has(intAttribute(node, "to", DataType.FLOAT));
  return INTEGER_OUTPUTS.get(node.opType)?.includes(index) ?? false;
}
