import type { Translate } from "../translation.js";
import { biasAdd, conv2d, depthwiseConv2d, fusedConv2d, fusedDepthwiseConv2d } from "./convolution.js";
import { binary, identity, leakyRelu, relu6, square, unary } from "./elementwise.js";
import { avgPool, maxPool, resizeNearest } from "./image.js";
import { concat, pad, reshape, stridedSlice, transpose } from "./shape.js";

/** Every TF op that can be translated. Placeholder and Const are the reader's own. */
export const translations: ReadonlyMap<string, Translate> = new Map<string, Translate>([
  ["Add", binary("Add")],
  ["AddV2", binary("Add")],
  ["AvgPool", avgPool],
  ["BiasAdd", biasAdd],
  ["ConcatV2", concat],
  ["Conv2D", conv2d],
  ["DepthwiseConv2dNative", depthwiseConv2d],
  ["Elu", unary("Elu")],
  ["Exp", unary("Exp")],
  ["FusedDepthwiseConv2dNative", fusedDepthwiseConv2d],
  ["Identity", identity],
  ["LeakyRelu", leakyRelu],
  ["MaxPool", maxPool],
  ["Maximum", binary("Max")],
  ["Minimum", binary("Min")],
  ["Mul", binary("Mul")],
  ["Neg", unary("Neg")],
  ["Pad", pad],
  ["PadV2", pad],
  ["RealDiv", binary("Div")],
  ["Relu", unary("Relu")],
  ["Relu6", relu6],
  ["Reshape", reshape],
  ["ResizeNearestNeighbor", resizeNearest],
  ["Sigmoid", unary("Sigmoid")],
  ["Softplus", unary("Softplus")],
  ["Square", square],
  ["StridedSlice", stridedSlice],
  ["Sub", binary("Sub")],
  ["Tanh", unary("Tanh")],
  ["Transpose", transpose],
  ["_FusedConv2D", fusedConv2d],
]);
