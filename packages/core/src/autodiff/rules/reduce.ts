import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { Node } from "../../onnx/model.js";
import type { FactSource } from "../../onnx/shapes/static-dims.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { GradRule, VjpContext } from "../rule.js";
import { constantInts, hasInput, refuseAxisZero } from "./axes.js";
import { mask } from "./mask.js";

/** Gradient of a reduction. `g` and `y` have the reduced axes back as ones, so that they broadcast against x. */
type ReduceGradient = (cx: VjpContext, g: Value, x: Value, y: Value) => Value;

function reduction(op: string, gradient: ReduceGradient): GradRule {
  return {
    op,
    differentiable: () => [0],
    unsupported: noAxesAtAll,
    vjp(cx) {
      refuseLostBatchAxis(cx);
      const gx = gradient(cx, withAxes(cx, cx.cotangent(0)!), cx.input(0), withAxes(cx, cx.output(0)));
      return cx.node.inputs.map((_, i) => (i === 0 ? gx : null));
    },
  };
}

/** No axes means all of them, or none if the attribute says so. Exporters do not write the second form, which reduces nothing. */
function noAxesAtAll(node: Node, facts: FactSource): string | undefined {
  if (intAttribute(node, "noop_with_empty_axes", 0) === 0) return undefined;
  const axes = facts.constant(node.inputs[1] ?? "");
  return axes && axes.dims[0] !== 0 ? undefined : "noop_with_empty_axes without constant axes";
}

/** A value of the output's shape with the reduced axes as ones (already so with keepdims; a scalar broadcasts by itself). */
function withAxes(cx: VjpContext, value: Value): Value {
  const axes = cx.input(1);
  return intAttribute(cx.node, "keepdims", 1) !== 0 || axes === "" ? value : cx.op("Unsqueeze", [value, axes]);
}

/** With keepdims a reduced axis 0 stays as the seed axis. */
function refuseLostBatchAxis(cx: VjpContext): void {
  if (!cx.manySeeds || intAttribute(cx.node, "keepdims", 1) !== 0) return;
  refuseAxisZero(cx, hasInput(cx, 1) ? constantInts(cx, 1) : [0], cx.input(0));
}

/** The number of values that were averaged into one, as a float scalar. */
function countReduced(cx: VjpContext): Value {
  const [x, y] = [cx.staticDims(cx.input(0)), cx.staticDims(cx.output(0))];
  if (x && y && [...x, ...y].every((dim) => typeof dim === "number")) {
    return cx.build.float(sizeOf(x as number[]) / sizeOf(y as number[]));
  }
  const [all, left] = [cx.input(0), cx.output(0)].map((value) =>
    cx.op("ReduceProd", [cx.shape(value)], { keepdims: 0 }),
  );
  return cx.op("Cast", [cx.op("Div", [all!, left!])], { to: 1 });
}

function spread(cx: VjpContext, g: Value): Value {
  return cx.op("Expand", [g, cx.shape(cx.input(0))]);
}

/** All values that are equal to the extremum share its gradient evenly, as in torch.amax. */
const shareTies: ReduceGradient = (cx, g, x, y) => {
  const winners = mask(cx, cx.op("Equal", [x, y]));
  const axes = cx.input(1);
  const count = cx.op("ReduceSum", axes === "" ? [winners] : [winners, axes], { keepdims: 1 });
  return cx.op("Mul", [g, cx.op("Div", [winners, count])]);
};

/** x / ‖x‖, and 0 for the zero vector, as in PyTorch. */
const l2: ReduceGradient = (cx, g, x, y) => {
  const zero = cx.build.float(0);
  return cx.op("Mul", [g, cx.op("Where", [cx.op("Equal", [y, zero]), zero, cx.op("Div", [x, y])])]);
};

/**
 * The product of the other values: y / x. If exactly one value is zero, only it gets a gradient (the product of the rest). If several are
 * zero, none does. As in PyTorch.
 */
const others: ReduceGradient = (cx, g, x) => {
  const { build } = cx;
  const [zero, one] = [build.float(0), build.float(1)];
  const over = (op: string, value: Value): Value =>
    cx.op(op, cx.input(1) === "" ? [value] : [value, cx.input(1)], { keepdims: 1 });
  const isZero = cx.op("Equal", [x, zero]);
  const filled = cx.op("Where", [isZero, one, x]);
  const rest = over("ReduceProd", filled);
  const zeros = over("ReduceSum", mask(cx, isZero));
  const atZero = cx.op("Where", [cx.op("Equal", [zeros, one]), rest, zero]);
  const elsewhere = cx.op("Where", [cx.op("Equal", [zeros, zero]), cx.op("Div", [rest, filled]), zero]);
  return cx.op("Mul", [g, cx.op("Where", [isZero, atZero, elsewhere])]);
};

export const reduceRules: readonly GradRule[] = [
  reduction("ReduceSum", (cx, g) => spread(cx, g)),
  reduction("ReduceMean", (cx, g) => spread(cx, cx.op("Div", [g, countReduced(cx)]))),
  reduction("ReduceMax", shareTies),
  reduction("ReduceMin", shareTies),
  reduction("ReduceL1", (cx, g, x) => cx.op("Mul", [g, cx.op("Sign", [x])])),
  reduction("ReduceL2", l2),
  reduction("ReduceSumSquare", (cx, g, x) => cx.op("Mul", [g, cx.op("Add", [x, x])])),
  reduction("ReduceProd", others),
  // y = ln Σx: 1 / Σx, the same for all.
  reduction("ReduceLogSum", (cx, g, _x, y) => spread(cx, cx.op("Mul", [g, cx.op("Exp", [cx.op("Neg", [y])])]))),
  reduction("ReduceLogSumExp", (cx, g, x, y) => cx.op("Mul", [g, cx.op("Exp", [cx.op("Sub", [x, y])])])),
];
