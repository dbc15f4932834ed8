import { intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.js";
import { DataType, type Node } from "../../onnx/model.js";
import type { FactSource } from "../../onnx/shapes/static-dims.js";
import { floatsOf, intsOf } from "../../onnx/tensors.js";
import { repeats } from "../rules/resize.js";

/** Cells along one axis of a map, `[start, end)`. */
export type Interval = readonly [start: number, end: number];

/** A rectangle of cells, pixels or blocks. */
export type Area = readonly [y: Interval, x: Interval];

/** The cells of an input, along one axis, that a range of output cells depends on. They may lie outside the map, in its padding. */
export type Reach = (cells: Interval) => Interval;

/**
 * An op whose output cells each depend on a few input cells at the same place of the image. On a crop of its inputs it computes the crop of its
 * outputs, except for cells whose inputs lie outside the crop.
 */
export interface LocalStep {
  /** One entry per spatial axis. */
  readonly reach: readonly [y: Reach, x: Reach];
  /** True if an output cell depends on the input cell at its own position only. */
  readonly pointwise: boolean;
}

/** The step of a node. Undefined for an op that is not local, or not known to be. */
export function localStep(node: Node, facts: FactSource): LocalStep | undefined {
  if (node.domain !== "") return undefined;
  if (POINTWISE.has(node.opType)) return broadcastsCells(node, facts) ? SAME : undefined;
  switch (node.opType) {
    case "BatchNormalization":
      return SAME;
    case "Concat":
    case "Split":
      return [1, -3].includes(intAttribute(node, "axis", 0)) ? SAME : undefined;
    case "Slice":
      return slicesChannels(node, facts) ? SAME : undefined;
    case "Conv":
    case "MaxPool":
    case "AveragePool":
      return windowed(node, facts);
    case "ConvTranspose":
      return transposed(node, facts);
    case "Resize":
      return resized(node, facts);
    default:
      return undefined;
  }
}

const POINTWISE: ReadonlySet<string> = new Set(
  (
    "Sigmoid Tanh Relu LeakyRelu PRelu Elu Celu Selu HardSigmoid HardSwish Clip Exp Log Sqrt Reciprocal Neg Abs Softplus Softsign Mish Swish Erf Gelu " +
    "Add Sub Mul Div Pow Min Max Sum Mean Where Cast Identity"
  ).split(" "),
);

const SAME: LocalStep = { reach: [(cells) => cells, (cells) => cells], pointwise: true };

/** True if each input is a map of the output's size, or the same for all cells. */
function broadcastsCells(node: Node, facts: FactSource): boolean {
  const own = facts.dims(node.outputs[0]!);
  return node.inputs.every((input) => {
    if (input === "") return true;
    const sides = facts.dims(input)?.slice(-2);
    return sides?.every((side, i) => side === 1 || side === own?.at(i - 2)) ?? false;
  });
}

function slicesChannels(node: Node, facts: FactSource): boolean {
  const axes = facts.constant(node.inputs[3] ?? "");
  return axes !== undefined && intsOf(axes).every((axis) => axis === 1 || axis === -3);
}

/** Kernel, stride, dilation and padding along one axis. */
interface Slide {
  /** The extent of the window minus one. */
  readonly span: number;
  readonly stride: number;
  readonly begin: number;
  readonly end: number;
}

/** The windows of a node along both spatial axes. Undefined if they are not known. */
function slides(node: Node, kernel: readonly (number | string)[] | undefined): readonly [Slide, Slide] | undefined {
  const strides = intsAttribute(node, "strides") ?? [1, 1];
  const dilations = intsAttribute(node, "dilations") ?? [1, 1];
  const pads = intsAttribute(node, "pads") ?? [0, 0, 0, 0];
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  if (kernel?.length !== 2 || strides.length !== 2 || dilations.length !== 2 || pads.length !== 4) return undefined;
  const along = (axis: number): Slide | undefined => {
    const size = kernel[axis];
    if (typeof size !== "number") return undefined;
    const [span, stride] = [dilations[axis]! * (size - 1), strides[axis]!];
    if (auto === "NOTSET" || auto === "") return { span, stride, begin: pads[axis]!, end: pads[axis + 2]! };
    // The padding of SAME, for a size that is a multiple of the stride.
    const total = auto === "VALID" ? 0 : Math.max(0, span + 1 - stride);
    const small = Math.floor(total / 2);
    const begin = auto === "SAME_LOWER" ? total - small : small;
    return { span, stride, begin, end: total - begin };
  };
  const [y, x] = [along(0), along(1)];
  return y && x && [y, x];
}

function windowed(node: Node, facts: FactSource): LocalStep | undefined {
  if (node.outputs.length > 1) return undefined;
  const weight = node.opType === "Conv" ? facts.dims(node.inputs[1] ?? "")?.slice(2) : undefined;
  const found = slides(node, intsAttribute(node, "kernel_shape") ?? weight);
  const round = intAttribute(node, "ceil_mode", 0) === 0 ? Math.floor : Math.ceil;
  // A map of n · stride cells must become one of n cells, for any n.
  const keeps = ({ span, stride, begin, end }: Slide): boolean => round((begin + end - span - 1) / stride) === -1;
  if (!found?.every(keeps)) return undefined;
  const reach = ({ span, stride, begin }: Slide): Reach => {
    return ([a, b]) => [a * stride - begin, (b - 1) * stride - begin + span + 1];
  };
  const pointwise = found.every(({ span, stride, begin }) => span === 0 && stride === 1 && begin === 0);
  return { reach: [reach(found[0]), reach(found[1])], pointwise };
}

function transposed(node: Node, facts: FactSource): LocalStep | undefined {
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  if (intsAttribute(node, "output_shape") !== undefined || !["NOTSET", "", "VALID"].includes(auto)) return undefined;
  const found = slides(node, intsAttribute(node, "kernel_shape") ?? facts.dims(node.inputs[1] ?? "")?.slice(2));
  const extra = intsAttribute(node, "output_padding") ?? [0, 0];
  const keeps = ({ span, stride, begin, end }: Slide, axis: number): boolean =>
    span + 1 + (extra[axis] ?? 0) === stride + begin + end;
  if (!found?.every(keeps)) return undefined;
  const reach = ({ span, stride, begin }: Slide): Reach => {
    return ([a, b]) => [Math.ceil((a + begin - span) / stride), Math.floor((b - 1 + begin) / stride) + 1];
  };
  return { reach: [reach(found[0]), reach(found[1])], pointwise: false };
}

/** Enlarging by integer factors, where the position of a cell does not depend on the size of the map. */
function resized(node: Node, facts: FactSource): LocalStep | undefined {
  const proto = facts.constant(node.inputs[2] ?? "");
  const readable = proto?.dataType === DataType.FLOAT && proto.external === undefined;
  const scales = readable ? [...floatsOf(proto)] : undefined;
  const mode = stringAttribute(node, "mode", "nearest");
  const mapping = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  if (scales?.length !== 4 || scales[0] !== 1 || scales[1] !== 1 || intsAttribute(node, "axes")) return undefined;
  if (!["nearest", "linear"].includes(mode) || !["half_pixel", "asymmetric"].includes(mapping)) return undefined;
  const factors = scales.slice(2);
  if (!factors.every((factor) => Number.isInteger(factor) && factor >= 1)) return undefined;
  const reach = (factor: number): Reach => {
    // Interpolation and other roundings may read one cell more.
    const more = mode === "nearest" && repeats(node, factor) ? 0 : 1;
    return ([a, b]) => [Math.floor(a / factor) - more, Math.ceil(b / factor) + more];
  };
  return { reach: [reach(factors[0]!), reach(factors[1]!)], pointwise: false };
}
