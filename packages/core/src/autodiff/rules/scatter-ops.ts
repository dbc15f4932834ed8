import { intAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { Node } from "../../onnx/model.js";
import type { GradRule, VjpContext } from "../rule.js";
import { refuseAxisZero, zerosOf } from "./axes.js";

/**
 * Gradient of ScatterND: the data gets zeros where it is overwritten (with reduction "add" everything passes). The updates get the cotangent
 * at their positions. If two updates write to the same position, both get its gradient, as in PyTorch.
 */
export const scatterNdRule: GradRule = {
  op: "ScatterND",
  differentiable: () => [0, 2],
  unsupported: otherReduction,
  vjp(cx) {
    cx.refuseManySeeds("its indices start at axis 0, where the seeds are");
    const [g, indices] = [cx.cotangent(0)!, cx.input(1)];
    return [
      cx.wants(0) ? kept(cx, (zeros) => cx.op("ScatterND", [g, indices, zeros])) : null,
      null,
      cx.wants(2) ? cx.op("GatherND", [g, indices]) : null,
    ];
  },
};

/** Gradient of ScatterElements: as for ScatterND, along one axis. */
export const scatterElementsRule: GradRule = {
  op: "ScatterElements",
  differentiable: () => [0, 2],
  unsupported: otherReduction,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const axis = intAttribute(cx.node, "axis", 0);
    refuseAxisZero(cx, [axis], cx.input(0));
    const indices = cx.manySeeds ? cx.op("Expand", [cx.input(1), cx.seededShape(cx.input(1))]) : cx.input(1);
    return [
      cx.wants(0) ? kept(cx, (zeros) => cx.op("ScatterElements", [g, indices, zeros], { axis })) : null,
      null,
      cx.wants(2) ? cx.op("GatherElements", [g, indices], { axis }) : null,
    ];
  },
};

/** The cotangent of the data: zero at overwritten positions, unchanged if the updates were added. */
function kept(cx: VjpContext, overwritten: (zeros: Value) => Value): Value {
  if (reductionOf(cx.node) === "add") return cx.cotangent(0)!;
  return overwritten(zerosOf(cx, cx.seededShape(cx.input(2))));
}

function reductionOf(node: Node): string {
  return stringAttribute(node, "reduction", "none");
}

function otherReduction(node: Node): string | undefined {
  const found = reductionOf(node);
  return found === "none" || found === "add" ? undefined : `reduction "${found}" (only "none" and "add" are supported)`;
}
