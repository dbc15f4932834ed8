import { intAttribute } from "../../onnx/attributes.js";
import type { GradRule, VjpContext } from "../rule.js";
import { constantInts, hasInput, refuseAxisZero } from "./axes.js";

/** Gradient of Reshape: the cotangent in the input's shape. */
export const reshapeRule: GradRule = reshaping("Reshape", (cx) => {
  const batch = cx.staticDims(cx.output(0))?.[0] ?? constantInts(cx, 1)?.[0];
  if (typeof batch === "number" && batch > 1)
    cx.refuseManySeeds(`it makes axis 0 of size ${batch}, where the seeds are`);
});

/** Gradient of Flatten. */
export const flattenRule: GradRule = reshaping("Flatten", (cx) => {
  const axis = intAttribute(cx.node, "axis", 1);
  const rank = cx.staticDims(cx.input(0))?.length;
  const front = axis >= 0 || rank === undefined ? axis : axis + rank;
  if (front < 0 || front > 1) cx.refuseManySeeds("it merges axis 0, where the seeds are, with others");
});

/** Gradient of Squeeze. */
export const squeezeRule: GradRule = reshaping("Squeeze", (cx) => {
  refuseAxisZero(cx, hasInput(cx, 1) ? constantInts(cx, 1) : undefined, cx.input(0));
});

/** Gradient of Unsqueeze. A new axis 0 becomes the seed axis. */
export const unsqueezeRule: GradRule = reshaping("Unsqueeze", () => {});

/**
 * A rule for an op that only changes the shape. `check` refuses many seeds if axis 0 does not stay
 * the axis of size 1. Cases that it cannot detect fail at run time, since the numbers of values differ.
 */
function reshaping(op: string, check: (cx: VjpContext) => void): GradRule {
  return {
    op,
    differentiable: () => [0],
    vjp(cx) {
      check(cx);
      const dx = cx.reshapeLike(cx.cotangent(0)!, cx.input(0));
      return [dx, ...cx.node.inputs.slice(1).map(() => null)];
    },
  };
}
