import { WhyboxError } from "../../errors.js";
import { stringAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { constantInts, countTo, hasInput, join, part, product, range, refuseAxisZero, sizeAt } from "./axes.js";
import { scatterAdd } from "./scatter.js";

/**
 * Gradient of Pad. Constant mode: a Pad by the negated amounts (padding is cropped, cropped entries get zeros).
 * reflect, edge, wrap: the gradient of every padded entry is added to the entry that it copies, axis by axis.
 * @throws no-gradient when the amounts of a copying mode are computed in the graph.
 */
export const padRule: GradRule = {
  op: "Pad",
  differentiable: () => [0],
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const pads = constantInts(cx, 1);
    const axes = axesOf(cx, pads);
    const moved = pads && axes?.filter((_, i) => pads[i] !== 0 || pads[i + axes.length] !== 0);
    refuseAxisZero(cx, moved, cx.input(0));
    const mode = stringAttribute(cx.node, "mode", "constant");
    const dx = mode === "constant" ? cropped(cx, g) : gathered(cx, g, mode, pads, axes);
    return [dx, ...cx.node.inputs.slice(1).map(() => null)];
  },
};

function axesOf(cx: VjpContext, pads: readonly number[] | undefined): readonly number[] | undefined {
  if (hasInput(cx, 3)) return constantInts(cx, 3);
  return pads && range(0, pads.length / 2);
}

function cropped(cx: VjpContext, g: Value): Value {
  const amounts = constantInts(cx, 1);
  const negated = amounts ? cx.build.ints(amounts.map((pad) => 0 - pad)) : cx.op("Neg", [cx.input(1)]);
  const axes = hasInput(cx, 3) ? [cx.input(3)] : [];
  return cx.op("Pad", axes.length === 0 ? [g, negated] : [g, negated, "", ...axes], { mode: "constant" });
}

/** Pads 0 … D−1 in the same mode: the result is the index of the entry that each padded entry copies. */
function gathered(
  cx: VjpContext,
  g: Value,
  mode: string,
  pads: readonly number[] | undefined,
  axes: readonly number[] | undefined,
): Value {
  const { build, node } = cx;
  const rank = cx.staticDims(cx.input(0))?.length;
  const front = axes?.map((axis) => (axis >= 0 || rank === undefined ? axis : axis + rank));
  if (pads === undefined || front === undefined || front.some((axis) => axis < 0)) {
    throw new WhyboxError(
      "no-gradient",
      `Node "${node.name}" (Pad, mode ${mode}): the gradient needs constant pads and axes, found computed ones. ` +
        "Use mode constant, export with fixed sizes, or use a gradient-free method.",
      { details: { node: node.name, op: "Pad" } },
    );
  }
  let current = g;
  front.forEach((axis, i) => {
    const amounts = [pads[i]!, pads[i + front.length]!];
    if (amounts.every((pad) => pad === 0)) return;
    const size = sizeAt(cx, cx.shape(cx.input(0)), axis);
    const source = cx.op("Pad", [countTo(cx, size), build.ints(amounts)], { mode });
    const shape = cx.op("Shape", [current]);
    const before = part(cx, shape, 0, axis);
    const behind = part(cx, shape, axis + 1);
    const flat = join(cx, product(cx, before), build.ints([-1]), product(cx, behind));
    const summed = scatterAdd(cx, cx.op("Reshape", [current, flat]), source, size);
    current = cx.op("Reshape", [summed, join(cx, before, size, behind)]);
  });
  return current;
}
