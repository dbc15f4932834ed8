import type { Value } from "../../../onnx/builder.js";
import { floatAttr } from "../attributes.js";
import type { TfDim, TfTensor, Translate, Translation } from "../translation.js";
import type { TfConstant } from "../weights.js";

/** An op of one input that ONNX has under the name `op`. */
export function unary(op: string): Translate {
  return (cx) => mapped(cx, (value) => cx.builder.op(op, [value]));
}

/** An op of two inputs with broadcasting that ONNX has under the name `op`. */
export function binary(op: string): Translate {
  return (cx) => {
    const [left, right, dims, layout] = aligned(cx);
    return cx.made(cx.builder.op(op, [left, right]), dims, layout);
  };
}

export const identity: Translate = (cx) => mapped(cx, (value) => value);

export const square: Translate = (cx) => mapped(cx, (value) => cx.builder.op("Mul", [value, value]));

export const relu6: Translate = (cx) =>
  mapped(cx, (value) => cx.builder.op("Clip", [value, cx.builder.float(0), cx.builder.float(6)]));

export const leakyRelu: Translate = (cx) =>
  mapped(cx, (value) => cx.builder.op("LeakyRelu", [value], { alpha: { float: floatAttr(cx.node, "alpha", 0.2) } }));

function mapped(cx: Translation, make: (value: Value) => Value): TfTensor {
  const input = cx.tensor(0);
  return cx.made(make(input.value), input.dims, input.layout);
}

/** Both operands in one layout, so that TF's broadcasting (from the last axis) means the same in ONNX. */
function aligned(cx: Translation): [left: Value, right: Value, dims: readonly TfDim[], layout: TfTensor["layout"]] {
  const sides = [operand(cx, 0), operand(cx, 1)] as const;
  const dims = broadcast(cx, sides[0].dims, sides[1].dims);
  const tensors = sides.filter((side): side is TfTensor => "layout" in side);
  if (tensors.length === 0) throw cx.unsupported("both inputs are constants");
  const nchw = tensors.every((tensor) => tensor.layout === "nchw");
  const [left, right] = sides.map((side) =>
    "layout" in side ? (nchw ? side : cx.asSame(side)).value : constant(cx, side, nchw),
  );
  return [left!, right!, dims, nchw ? "nchw" : "same"];
}

function operand(cx: Translation, index: number): TfTensor | TfConstant {
  return cx.input(index).kind === "tensor" ? cx.tensor(index) : cx.constant(index);
}

function broadcast(cx: Translation, a: readonly TfDim[], b: readonly TfDim[]): TfDim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length];
    const right = b[i - rank + b.length];
    if (left === undefined) return right as TfDim;
    if (left === 1) return right === undefined ? 1 : right;
    if (right === undefined || right === 1) return left;
    if (left !== null && right !== null && left !== right) {
      throw cx.unsupported(`shapes [${a.join(", ")}] and [${b.join(", ")}] do not broadcast`);
    }
    return left ?? right;
  });
}

function constant(cx: Translation, value: TfConstant, nchw: boolean): Value {
  if (!(value.data instanceof Float32Array))
    throw cx.unsupported(`a constant input is ${value.dtype}, expected float32`);
  if (value.dims.length === 0) return cx.builder.float(value.data[0]!);
  if (!nchw) return cx.builder.floats(value.dims, value.data);
  if (value.dims.length > 4) throw cx.unsupported(`a constant beside an image has rank ${value.dims.length}`);
  const [N, H, W, C] = [1, 1, 1, 1, ...value.dims].slice(-4) as [number, number, number, number];
  const moved = new Float32Array(value.data.length);
  let from = 0;
  for (let n = 0; n < N; n++) {
    for (let cell = 0; cell < H * W; cell++) {
      for (let c = 0; c < C; c++) moved[(n * C + c) * H * W + cell] = value.data[from++]!;
    }
  }
  return cx.builder.floats([N, C, H, W], moved);
}
