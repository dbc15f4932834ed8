import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { refuseAxisZero } from "./axes.js";

/** y · (g − Σ g·y), the sum over the axis. */
const softmax: GradRule = {
  op: "Softmax",
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const y = cx.output(0);
    const centred = cx.op("Sub", [g, sumOverAxis(cx, cx.op("Mul", [g, y]))]);
    return [cx.op("Mul", [centred, y])];
  },
};

/** g − softmax(x) · Σ g. */
const logSoftmax: GradRule = {
  op: "LogSoftmax",
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const share = cx.op("Mul", [sumOverAxis(cx, g), cx.op("Exp", [cx.output(0)])]);
    return [cx.op("Sub", [g, share])];
  },
};

function sumOverAxis(cx: VjpContext, value: Value): Value {
  const axis = intAttribute(cx.node, "axis", -1);
  refuseAxisZero(cx, [axis], cx.input(0));
  return cx.op("ReduceSum", [value, cx.build.ints([axis])], { keepdims: 1 });
}

export const softmaxRules: readonly GradRule[] = [softmax, logSoftmax];
