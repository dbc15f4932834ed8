import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";

/** y = f(x) for each element: `derivative` gives f'(x), or null for a gradient of exactly g (Identity). */
function elementwise(op: string, derivative: (cx: VjpContext, x: Value, y: Value) => Value): GradRule {
  return {
    op,
    differentiable: () => [0],
    vjp(cx) {
      // Everything but the last product stays at batch 1 when many seeds go through.
      const slope = derivative(cx, cx.input(0), cx.output(0));
      const gradient = cx.op("Mul", [cx.cotangent(0)!, slope]);
      return cx.node.inputs.map((_, index) => (index === 0 ? gradient : null));
    },
  };
}

export const elementwiseRules: readonly GradRule[] = [
  // σ' = y − y²
  elementwise("Sigmoid", (cx, _, y) => cx.op("Sub", [y, cx.op("Mul", [y, y])])),
  elementwise("Exp", (_cx, _, y) => y),
];
