import { intsAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";

/** Gradient of Transpose: the inverse permutation. Without `perm` the axes are reversed, which is its own inverse. */
export const transposeRule: GradRule = {
  op: "Transpose",
  vjp(cx) {
    const perm = intsAttribute(cx.node, "perm");
    if (perm?.[0] !== 0) cx.refuseManySeeds("it moves axis 0, where the seeds are");
    const g = cx.cotangent(0)!;
    if (perm === undefined) return [cx.op("Transpose", [g])];
    return [cx.op("Transpose", [g], { perm: perm.map((_, axis) => perm.indexOf(axis)) })];
  },
};
