import { WhyboxError } from "../../errors.js";
import { floatAttribute, intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { countTo, range, refuseAxisZero } from "./axes.js";
import { refuseWeights } from "./conv.js";

/**
 * Gradient of LayerNormalization on its input. With x̂ = (x − mean) / σ over the axes from `axis` on and h = g · scale:
 * (h − mean(h) − x̂ · mean(h · x̂)) / σ.
 * @throws no-gradient when the gradient on scale or bias is wanted, or an output other than the first leads to the score.
 */
export const layerNormalizationRule: GradRule = {
  op: "LayerNormalization",
  vjp: (cx) => overLastAxes(cx, true),
};

/** Gradient of RMSNormalization (opset 23) on its input: as LayerNormalization, without the means. */
export const rmsNormalizationRule: GradRule = {
  op: "RMSNormalization",
  vjp: (cx) => overLastAxes(cx, false),
};

function overLastAxes(cx: VjpContext, centred: boolean): (Value | null)[] {
  refuseWeights(cx);
  refuseStatistics(cx);
  const axis = intAttribute(cx.node, "axis", -1);
  refuseAxisZero(cx, [axis], cx.input(0));
  const h = cx.op("Mul", [cx.cotangent(0)!, cx.input(1)]);
  const dx = pulled(cx, { h, x: cx.input(0), axes: lastAxes(cx, axis), centred });
  return [dx, ...cx.node.inputs.slice(1).map(() => null)];
}

/** The axes from `axis` on, as an int64 vector. */
function lastAxes(cx: VjpContext, axis: number): Value {
  if (axis < 0) return cx.build.ints(range(axis, 0));
  const rank = cx.staticDims(cx.input(0))?.length;
  if (rank !== undefined) return cx.build.ints(range(axis, rank));
  const more = cx.op("Sub", [cx.op("Shape", [cx.shape(cx.input(0))]), cx.build.ints([axis])]);
  return cx.op("Add", [countTo(cx, more), cx.build.ints([axis])]);
}

/** Refuses gradients through the outputs mean and 1/σ, which only training reads. */
function refuseStatistics(cx: VjpContext): void {
  const { node } = cx;
  if (node.outputs.every((_, i) => i === 0 || cx.cotangent(i) === null)) return;
  throw new WhyboxError(
    "no-gradient",
    `Node "${node.name}" (${node.opType}): its mean or deviation leads to the score, and only the gradient through the first output is ` +
      "known. Choose a layer behind this node, or use a gradient-free method.",
    { details: { node: node.name, op: node.opType } },
  );
}

/**
 * Gradient of InstanceNormalization on its input: each channel of each image is normalised over its spatial axes.
 * @throws no-gradient when the gradient on scale or bias is wanted.
 */
export const instanceNormalizationRule: GradRule = {
  op: "InstanceNormalization",
  vjp: (cx) => overGroups(cx, 0),
};

/**
 * Gradient of GroupNormalization on its input (opset 21: scale and bias are per channel).
 * @throws no-gradient when the gradient on scale or bias is wanted.
 */
export const groupNormalizationRule: GradRule = {
  op: "GroupNormalization",
  vjp: (cx) => overGroups(cx, intAttribute(cx.node, "num_groups", 1)),
};

/** Values are reshaped to [N, groups, rest]. 0 groups means one per channel, since 0 copies the size in Reshape. */
function overGroups(cx: VjpContext, groups: number): (Value | null)[] {
  refuseWeights(cx);
  const { build } = cx;
  const channels = cx.op("Reshape", [cx.cotangent(0)!, build.ints([0, 0, -1])]);
  const scale = cx.op("Reshape", [cx.input(1), build.ints([-1, 1])]);
  const rows = (value: Value): Value => cx.op("Reshape", [value, build.ints([0, groups, -1])]);
  const h = rows(cx.op("Mul", [channels, scale]));
  const dx = pulled(cx, { h, x: rows(cx.input(0)), axes: build.ints([2]), centred: true });
  return [cx.reshapeLike(dx, cx.input(0)), null, null];
}

interface Normalised {
  /** Cotangent times scale. */
  readonly h: Value;
  readonly x: Value;
  readonly axes: Value;
  /** Whether the mean is subtracted. */
  readonly centred: boolean;
}

function pulled(cx: VjpContext, { h, x, axes, centred }: Normalised): Value {
  const mean = (value: Value): Value => cx.op("ReduceMean", [value, axes], { keepdims: 1 });
  const d = centred ? cx.op("Sub", [x, mean(x)]) : x;
  const epsilon = cx.build.float(floatAttribute(cx.node, "epsilon", 1e-5));
  const deviation = cx.op("Sqrt", [cx.op("Add", [mean(cx.op("Mul", [d, d])), epsilon])]);
  const unit = cx.op("Div", [d, deviation]);
  const own = cx.op("Mul", [mean(cx.op("Mul", [h, unit])), unit]);
  const rest = cx.op("Sub", [centred ? cx.op("Sub", [h, mean(h)]) : h, own]);
  return cx.op("Mul", [rest, cx.op("Reciprocal", [deviation])]);
}
