import type { GradRule } from "../rule.js";
import { mask } from "./mask.js";

/**
 * Clip(x, min?, max?): the gradient passes where the result equals x, including the bounds (as in torch.clamp). A bound that
 * is not constant gets the gradient of the values that it clips.
 */
export const clip: GradRule = {
  op: "Clip",
  broadcasts: true,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const x = cx.input(0);
    const where = (condition: string, other: string) => cx.op("Mul", [g, mask(cx, cx.op(condition, [x, other]))]);
    const conditions = [
      () => where("Equal", cx.output(0)),
      () => where("Less", cx.input(1)),
      () => where("Greater", cx.input(2)),
    ];
    return cx.node.inputs.map((_, i) => (cx.wants(i) ? conditions[i]!() : null));
  },
};
