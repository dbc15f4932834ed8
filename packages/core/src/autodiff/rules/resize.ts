import { WhyboxError } from "../../errors.js";
import type { AttributeLiteral } from "../../onnx/attributes.js";
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { Node } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { GradRule, VjpContext } from "../rule.js";
import { constantInts, hasInput, join, part, product, range, refuseAxisZero, sizeAt, zerosOf } from "./axes.js";

/**
 * Gradient of Resize (nearest, linear, cubic; every coordinate transformation except tf_crop_and_resize). Enlarging by
 * integer factors with nearest (as in YOLO) sums each block. Otherwise resizing along an axis is a matrix R [out, in], found by
 * resizing an identity matrix. The cotangent is multiplied by its transpose.
 */
export const resizeRule: GradRule = {
  op: "Resize",
  differentiable: () => [0],
  unsupported,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const scales = constantScales(cx);
    const factors = scales && blockFactors(cx, scales);
    const dx = factors ? blockSums(cx, g, factors) : byMatrices(cx, g, scales);
    return cx.node.inputs.map((_, i) => (i === 0 ? dx : null));
  },
};

function unsupported(node: Node): string | undefined {
  if (intAttribute(node, "antialias", 0) !== 0) return "antialias is set";
  if (stringAttribute(node, "keep_aspect_ratio_policy", "stretch") !== "stretch")
    return "keep_aspect_ratio_policy is set";
  const mapping = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  return mapping === "tf_crop_and_resize" ? "coordinate_transformation_mode is tf_crop_and_resize" : undefined;
}

/** The constant scales, one for each axis that the node lists (all axes by default). */
function constantScales(cx: VjpContext): readonly number[] | undefined {
  const scales = hasInput(cx, 2) ? cx.constant(2) : undefined;
  return scales === undefined || scales.external !== undefined ? undefined : Array.from(floatsOf(scales));
}

/** The factors of the spatial axes, if every entry is repeated an integer number of times. Else undefined. */
function blockFactors(cx: VjpContext, scales: readonly number[]): number[] | undefined {
  if (stringAttribute(cx.node, "mode", "nearest") !== "nearest" || intsAttribute(cx.node, "axes")) return undefined;
  const [batch, channel, ...spatial] = scales;
  if (batch !== 1 || channel !== 1 || spatial.length < 1 || spatial.length > 3) return undefined;
  return spatial.every((scale) => Number.isInteger(scale) && scale <= 64 && repeats(cx.node, scale))
    ? spatial
    : undefined;
}

/** True when outputs 0 … factor−1 of a nearest Resize all read input 0: the pattern then repeats for every input. */
export function repeats(node: Node, factor: number): boolean {
  const mapping = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  const rounding = stringAttribute(node, "nearest_mode", "round_prefer_floor");
  const last = factor - 1;
  if (mapping === "asymmetric")
    return rounding === "floor" || (rounding === "round_prefer_floor" && last / factor <= 0.5);
  return (mapping === "half_pixel" || mapping === "half_pixel_symmetric") && rounding.startsWith("round");
}

function blockSums(cx: VjpContext, g: Value, factors: readonly number[]): Value {
  if (factors.every((factor) => factor === 1)) return g;
  const pads = [...factors, ...factors].fill(0);
  const means = cx.op("AveragePool", [g], {
    kernel_shape: factors,
    strides: factors,
    pads,
    dilations: factors.map(() => 1),
  });
  return cx.op("Mul", [means, cx.build.float(sizeOf(factors))]);
}

function byMatrices(cx: VjpContext, g: Value, scales: readonly number[] | undefined): Value {
  const x = cx.input(0);
  const { axes, rank } = resizedAxes(cx, scales);
  refuseAxisZero(
    cx,
    axes.map(({ axis }) => axis),
    x,
  );
  let current = g;
  for (const { axis, entry } of axes) {
    const matrix = resizeMatrix(cx, axis, entry);
    current = axis === rank - 1 ? cx.op("MatMul", [current, matrix]) : multiplied(cx, current, matrix, axis, rank);
  }
  // The shape is already right if the assumption holds. A Resize of other axes fails here instead of returning wrong values.
  return cx.reshapeLike(current, x);
}

interface ResizedAxis {
  readonly axis: number;
  /** Index into scales or sizes. */
  readonly entry: number;
}

/** The axes that the node resizes: those with a scale other than 1; with sizes, all but batch and channels. */
function resizedAxes(
  cx: VjpContext,
  scales: readonly number[] | undefined,
): { axes: readonly ResizedAxis[]; rank: number } {
  const listed = intsAttribute(cx.node, "axes");
  const count = scales?.length ?? constantInts(cx, 3)?.length;
  const rank = cx.staticDims(cx.input(0))?.length ?? (listed ? undefined : count);
  if (rank === undefined) {
    const { node } = cx;
    throw new WhyboxError(
      "no-gradient",
      `Node "${node.name}" (Resize): neither its input's rank nor the number of its scales or sizes is known. ` +
        "Export the model with shapes (onnx.shape_inference), or use a gradient-free method.",
      { details: { node: node.name, op: "Resize" } },
    );
  }
  const all = (listed ?? range(0, rank)).map((axis, entry) => ({ axis: axis < 0 ? axis + rank : axis, entry }));
  const kept = (axis: ResizedAxis): boolean => (scales ? scales[axis.entry] === 1 : !listed && axis.axis < 2);
  return { axes: all.filter((axis) => !kept(axis)), rank };
}

/** R [out, in] of one axis, the identity matrix [in, in] resized along its rows. */
function resizeMatrix(cx: VjpContext, axis: number, entry: number): Value {
  const { build } = cx;
  const size = sizeAt(cx, cx.shape(cx.input(0)), axis);
  const identity = cx.op("EyeLike", [zerosOf(cx, join(cx, size, size))]);
  if (hasInput(cx, 2)) {
    const scale = cx.op("Gather", [cx.input(2), build.ints([entry])]);
    return cx.op("Resize", [identity, "", join(cx, scale, build.floats([1], [1]))], resizeAttributes(cx.node));
  }
  // The runtime has to know how many sizes there are. It does not know how many those of the forward pass are.
  const target = cx.op("Reshape", [cx.op("Gather", [cx.input(3), build.ints([entry])]), build.ints([1])]);
  return cx.op("Resize", [identity, "", "", join(cx, target, size)], resizeAttributes(cx.node));
}

function resizeAttributes(node: Node): Record<string, AttributeLiteral> {
  return {
    mode: stringAttribute(node, "mode", "nearest"),
    coordinate_transformation_mode: stringAttribute(node, "coordinate_transformation_mode", "half_pixel"),
    nearest_mode: stringAttribute(node, "nearest_mode", "round_prefer_floor"),
    cubic_coeff_a: { float: floatAttribute(node, "cubic_coeff_a", -0.75) },
    exclude_outside: intAttribute(node, "exclude_outside", 0),
  };
}

/** Rᵀ along an axis that is not the last: [A, out, B] → [A, in, B]. */
function multiplied(cx: VjpContext, g: Value, matrix: Value, axis: number, rank: number): Value {
  const transposed = cx.op("Transpose", [matrix], { perm: [1, 0] });
  if (axis === rank - 2) return cx.op("MatMul", [transposed, g]);
  const shape = cx.op("Shape", [g]);
  const before = part(cx, shape, 0, axis);
  const behind = part(cx, shape, axis + 1);
  const flat = cx.op("Reshape", [g, join(cx, product(cx, before), cx.build.ints([-1]), product(cx, behind))]);
  const size = sizeAt(cx, cx.shape(cx.input(0)), axis);
  return cx.op("Reshape", [cx.op("MatMul", [transposed, flat]), join(cx, before, size, behind)]);
}
