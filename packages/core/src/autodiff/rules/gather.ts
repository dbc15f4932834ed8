import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { constantInts, join, padBy, part, product, refuseAxisZero, sizeAt, TO_END } from "./axes.js";
import { scatterAdd } from "./scatter.js";

/** Gradient of Gather: the cotangent of every gathered entry is added to its source. Repeated indices add up. */
export const gatherRule: GradRule = {
  op: "Gather",
  differentiable: () => [0],
  vjp(cx) {
    const { build } = cx;
    const x = cx.input(0);
    const g = cx.cotangent(0)!;
    const axis = intAttribute(cx.node, "axis", 0);
    refuseAxisZero(cx, [axis], x);
    const shape = cx.seededShape(x);
    const size = sizeAt(cx, shape, axis);
    const outer = product(cx, part(cx, shape, 0, axis));
    // With axis -1 the slice after the axis would start at 0.
    const inner = product(cx, part(cx, shape, axis === -1 ? TO_END : axis + 1));
    const g3 = cx.op("Reshape", [g, join(cx, outer, build.ints([-1]), inner)]);
    return [cx.reshapeLike(spread(cx, g3, size), x), null];
  },
};

/** [A, I, B] → [A, D, B]. Constant consecutive indices (one index, or 2, 3, 4) only need zero padding. */
function spread(cx: VjpContext, g3: Value, size: Value): Value {
  const { build } = cx;
  const known = constantInts(cx, 1);
  const first = known?.[0];
  if (first !== undefined && first >= 0 && known?.every((index, i) => index === first + i)) {
    const end = cx.op("Sub", [size, build.ints([first + known.length])]);
    return padBy(cx, g3, build.ints([first]), end, { axes: [1], rank: 3 });
  }
  const indices = known ? build.ints(known) : cx.op("Cast", [cx.input(1)], { to: 7 });
  return scatterAdd(cx, g3, cx.op("Reshape", [indices, build.ints([-1])]), size);
}

/** Gradient of GatherElements: ScatterElements into zeros, adding. */
export const gatherElementsRule: GradRule = {
  op: "GatherElements",
  differentiable: () => [0],
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const axis = intAttribute(cx.node, "axis", 0);
    refuseAxisZero(cx, [axis], cx.input(0));
    const indices = cx.manySeeds ? cx.op("Expand", [cx.input(1), cx.op("Shape", [g])]) : cx.input(1);
    const dx = cx.op("ScatterElements", [cx.zerosLike(cx.input(0)), indices, g], { axis, reduction: "add" });
    return [dx, null];
  },
};

/** Gradient of GatherND (no batch dims): ScatterND into zeros, adding. */
export const gatherNdRule: GradRule = {
  op: "GatherND",
  differentiable: () => [0],
  unsupported: (node) => (intAttribute(node, "batch_dims", 0) === 0 ? undefined : "batch_dims is not 0"),
  vjp(cx) {
    cx.refuseManySeeds("its indices start at axis 0, where the seeds are");
    const inputs = [cx.zerosLike(cx.input(0)), cx.input(1), cx.cotangent(0)!];
    return [cx.op("ScatterND", inputs, { reduction: "add" }), null];
  },
};
