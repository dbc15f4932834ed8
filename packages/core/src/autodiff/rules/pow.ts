import type { Value } from "../../onnx/builder.js";
import { DataType } from "../../onnx/model.js";
import { floatsOf, intsOf } from "../../onnx/tensors.js";
import type { GradRule, VjpContext } from "../rule.js";

/**
 * y = x^p: p·x^(p−1) for the base, y·ln x for the exponent. As in PyTorch the first is 0 where p = 0, the second 0 where
 * x = 0 and p ≥ 0.
 */
export const pow: GradRule = {
  op: "Pow",
  broadcasts: true,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    return [
      cx.wants(0) ? cx.op("Mul", [g, baseSlope(cx)]) : null,
      cx.wants(1) ? cx.op("Mul", [g, exponentSlope(cx)]) : null,
    ];
  },
};

function baseSlope(cx: VjpContext): Value {
  const x = cx.input(0);
  const exponent = oneConstant(cx);
  if (exponent === undefined) return generalSlope(cx, x);
  const p = cx.build.float(exponent);
  if (exponent === 0) return p;
  if (exponent === 1) return p;
  if (exponent === 2) return cx.op("Add", [x, x]);
  if (exponent === 0.5) return cx.op("Div", [p, cx.output(0)]);
  const power = exponent === 3 ? cx.op("Mul", [x, x]) : cx.op("Pow", [x, cx.build.float(exponent - 1)]);
  return cx.op("Mul", [p, power]);
}

function generalSlope(cx: VjpContext, x: Value): Value {
  const p = exponentLike(cx, x);
  const slope = cx.op("Mul", [p, cx.op("Pow", [x, cx.op("Sub", [p, cx.build.float(1)])])]);
  return cx.op("Where", [cx.op("Equal", [p, cx.build.float(0)]), cx.build.float(0), slope]);
}

function exponentSlope(cx: VjpContext): Value {
  const x = cx.input(0);
  const zero = cx.build.float(0);
  const p = exponentLike(cx, x);
  const flat = cx.op("And", [cx.op("Equal", [x, zero]), cx.op("GreaterOrEqual", [p, zero])]);
  return cx.op("Where", [flat, zero, cx.op("Mul", [cx.output(0), cx.op("Log", [x])])]);
}

/** The exponent in the type of the base: ONNX lets it be an integer. */
function exponentLike(cx: VjpContext, x: Value): Value {
  return cx.op("CastLike", [cx.input(1), x]);
}

/** The exponent, when it is one constant number. */
function oneConstant(cx: VjpContext): number | undefined {
  const proto = cx.constant(1);
  if (!proto || proto.dims.some((dim) => dim !== 1)) return undefined;
  if (proto.dataType === DataType.FLOAT) return floatsOf(proto)[0];
  const isInt = proto.dataType === DataType.INT64 || proto.dataType === DataType.INT32;
  return isInt ? intsOf(proto)[0] : undefined;
}
