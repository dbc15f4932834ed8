import type { GradRule } from "../rule.js";
import { mask } from "./mask.js";

/** The inputs that are equal to the result share its gradient evenly. With two inputs, each gets half, as in PyTorch. */
function extremum(op: "Max" | "Min"): GradRule {
  return {
    op,
    broadcasts: true,
    vjp(cx) {
      const g = cx.cotangent(0)!;
      if (cx.node.inputs.length === 1) return [g];
      const y = cx.output(0);
      const winners = cx.node.inputs.map((x) => mask(cx, cx.op("Equal", [x, y])));
      const count = cx.op("Sum", winners);
      return winners.map((winner, i) => (cx.wants(i) ? cx.op("Mul", [g, cx.op("Div", [winner, count])]) : null));
    },
  };
}

export const extremumRules: readonly GradRule[] = [extremum("Max"), extremum("Min")];
