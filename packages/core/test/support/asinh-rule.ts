import type { GradRule } from "../../src/autodiff/rule.js";

/** y = asinh(x): g / √(1 + x²). */
export const asinh: GradRule = {
  op: "Asinh",
  vjp(cx) {
    const x = cx.input(0);
    const square = cx.op("Add", [cx.op("Mul", [x, x]), cx.build.float(1)]);
    const slope = cx.op("Reciprocal", [cx.op("Sqrt", [square])]);
    return [cx.op("Mul", [cx.cotangent(0)!, slope])];
  },
};
