import type { GradRule } from "../rule.js";

export const binaryRules: readonly GradRule[] = [
  { op: "Add", broadcasts: true, vjp: (cx) => [cx.cotangent(0), cx.cotangent(0)] },
  {
    op: "Mul",
    broadcasts: true,
    vjp(cx) {
      const g = cx.cotangent(0)!;
      return [1, 0].map((other, i) => (cx.wants(i) ? cx.op("Mul", [g, cx.input(other)]) : null));
    },
  },
];
