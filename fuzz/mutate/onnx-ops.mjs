// Op types that a node of a mutated file may get: those with a gradient rule, and those that are read when a file is opened.
import { defaultRules } from "whybox";

const OTHERS =
  "Constant ConstantOfShape Shape Size Range Loop If Scan SequenceEmpty NonMaxSuppression TopK NonZero Where Expand OneHot QuantizeLinear " +
  "DequantizeLinear QLinearConv QLinearMatMul ConvInteger MatMulInteger DynamicQuantizeLinear Upsample RandomNormal ImageDecoder Nothing";

export const ONNX_OPS = [...new Set([...defaultRules.map(({ op }) => op), ...OTHERS.split(" ")])];
