import type { Value } from "../../../onnx/builder.js";
import { floatAttr, typeAttr } from "../attributes.js";
import { onnxType, type TfDim, type TfDtype, type TfTensor, type Translate, type Translation } from "../translation.js";
import type { TfConstant } from "../weights.js";

/** Ops with one input, and their names in ONNX if they differ. */
const UNARY = {
  ...named("Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid"),
  ...named("Sin", "Softplus", "Sqrt", "Tanh"),
  LogicalNot: "Not",
};

/** Ops with two inputs and broadcasting. */
const BINARY = { ...named("Add", "Mul", "Pow", "Sub"), AddV2: "Add", Maximum: "Max", Minimum: "Min", RealDiv: "Div" };

/** Those with a boolean result. */
const LOGICAL = {
  ...named("Equal", "Greater", "Less"),
  ...{ GreaterEqual: "GreaterOrEqual", LessEqual: "LessOrEqual", LogicalAnd: "And", LogicalOr: "Or" },
};

function named(...ops: string[]): Record<string, string> {
  return Object.fromEntries(ops.map((op) => [op, op]));
}

/** The translation of each op of a table, from its name in ONNX. */
function each(
  table: Readonly<Record<string, string>>,
  translate: (op: string) => Translate,
): Record<string, Translate> {
  return Object.fromEntries(Object.entries(table).map(([name, op]) => [name, translate(op)]));
}

function unary(op: string): Translate {
  return (cx) => mapped(cx, (value) => cx.builder.op(op, [value]));
}

function binary(op: string, dtype?: TfDtype): Translate {
  return (cx) => combined(cx, (left, right) => cx.builder.op(op, [left, right]), dtype);
}

/** AddN: the sum of any number of inputs of one shape. */
const addN: Translate = (cx) => {
  const tensors = Array.from({ length: cx.inputCount }, (_, i) => cx.tensor(i));
  const nchw = tensors.every(({ layout }) => layout === "nchw");
  const [first, ...rest] = tensors.map((tensor) => (nchw ? tensor : cx.asSame(tensor)).value);
  if (first === undefined) throw cx.unsupported("it has no inputs");
  const value = rest.reduce((sum, next) => cx.builder.op("Add", [sum, next]), first);
  return cx.made(value, cx.tensor(0).dims, nchw ? "nchw" : "same", cx.tensor(0).dtype);
};

const square: Translate = (cx) => mapped(cx, (value) => cx.builder.op("Mul", [value, value]));

const rsqrt: Translate = (cx) => mapped(cx, (value) => cx.builder.op("Reciprocal", [cx.builder.op("Sqrt", [value])]));

const relu6: Translate = (cx) =>
  mapped(cx, (value) => cx.builder.op("Clip", [value, cx.builder.float(0), cx.builder.float(6)]));

const leakyRelu: Translate = (cx) =>
  mapped(cx, (value) => cx.builder.op("LeakyRelu", [value], { alpha: { float: floatAttr(cx.node, "alpha", 0.2) } }));

/** Prelu (of TF.js, not of TF): x where it is positive, else alpha·x. */
const prelu: Translate = (cx) => combined(cx, (x, alpha) => cx.builder.op("PRelu", [x, alpha]));

const squaredDifference: Translate = (cx) =>
  combined(cx, (left, right) => {
    const gap = cx.builder.op("Sub", [left, right]);
    return cx.builder.op("Mul", [gap, gap]);
  });

const notEqual: Translate = (cx) =>
  combined(cx, (left, right) => cx.builder.op("Not", [cx.builder.op("Equal", [left, right])]), "bool");

/** FloorDiv rounds down. ONNX's Div rounds integers to zero. Both are equal for indices, the only integers here. */
const floorDiv: Translate = (cx) =>
  combined(cx, (left, right) => {
    const quotient = cx.builder.op("Div", [left, right]);
    return dtypeOf(cx, 0) === "int32" ? quotient : cx.builder.op("Floor", [quotient]);
  });

/** FloorMod has the divisor's sign: x − ⌊x / y⌋·y; on integers that is ONNX's Mod. */
const floorMod: Translate = (cx) =>
  combined(cx, (left, right) => {
    if (dtypeOf(cx, 0) === "int32") return cx.builder.op("Mod", [left, right]);
    const whole = cx.builder.op("Floor", [cx.builder.op("Div", [left, right])]);
    return cx.builder.op("Sub", [left, cx.builder.op("Mul", [whole, right])]);
  });

const CASTS: Readonly<Record<string, TfDtype>> = {
  DT_FLOAT: "float32",
  DT_HALF: "float32",
  DT_INT32: "int32",
  DT_INT64: "int32",
  DT_BOOL: "bool",
};

const cast: Translate = (cx) => {
  const name = typeAttr(cx.node, "DstT");
  const dtype = Object.hasOwn(CASTS, name) ? CASTS[name]! : undefined;
  if (dtype === undefined) throw cx.unsupported(`it casts to ${name}, expected float, int or bool`);
  const input = cx.tensor(0);
  if ((input.dtype ?? "float32") === dtype) return input;
  const value = cx.builder.op("Cast", [input.value], { to: onnxType(dtype) });
  return cx.made(value, input.dims, input.layout, dtype);
};

/** SelectV2 (and Select of equal shapes): the second input where the condition is true, else the third. */
const select: Translate = (cx) => {
  const [condition, left, right] = [0, 1, 2].map((i) => cx.asSame(cx.tensor(i)));
  if (condition!.dtype !== "bool") throw cx.unsupported("its condition is no bool");
  const dims = broadcast(cx, condition!.dims, broadcast(cx, left!.dims, right!.dims));
  const value = cx.builder.op("Where", [condition!.value, left!.value, right!.value]);
  return cx.made(value, dims, "same", left!.dtype);
};

/** Ops that work on each element. */
export const elementwiseOps: Readonly<Record<string, Translate>> = {
  ...each(UNARY, unary),
  ...each(BINARY, (op) => binary(op)),
  ...each(LOGICAL, (op) => binary(op, "bool")),
  AddN: addN,
  Cast: cast,
  FloorDiv: floorDiv,
  FloorMod: floorMod,
  Identity: (cx) => cx.input(0),
  LeakyRelu: leakyRelu,
  NotEqual: notEqual,
  Prelu: prelu,
  Relu6: relu6,
  Rsqrt: rsqrt,
  Select: select,
  SelectV2: select,
  Square: square,
  SquaredDifference: squaredDifference,
};

function dtypeOf(cx: Translation, index: number): TfDtype {
  return cx.input(index).dtype ?? "float32";
}

function mapped(cx: Translation, make: (value: Value) => Value): TfTensor {
  const input = cx.tensor(0);
  return cx.made(make(input.value), input.dims, input.layout, input.dtype);
}

/** Converts both operands to one layout, so that TF's broadcasting (from the last axis) is the same in ONNX. */
function combined(cx: Translation, make: (left: Value, right: Value) => Value, dtype?: TfDtype): TfTensor {
  const [left, right] = [dtypeOf(cx, 0), dtypeOf(cx, 1)];
  if (left !== right) throw cx.unsupported(`its inputs are ${left} and ${right}, expected one type`);
  const dims = broadcast(cx, cx.input(0).dims, cx.input(1).dims);
  const nchw = [0, 1].every((i) => {
    const input = cx.input(i);
    return input.kind === "constant" ? input.dims.length <= 4 : input.layout === "nchw";
  });
  const both = nchw && (cx.input(0).kind === "tensor" || cx.input(1).kind === "tensor");
  const value = make(operand(cx, 0, both), operand(cx, 1, both));
  return cx.made(value, dims, both ? "nchw" : "same", dtype ?? left);
}

function operand(cx: Translation, index: number, nchw: boolean): Value {
  const input = cx.input(index);
  if (input.kind === "constant") return nchw ? asImage(cx, input) : cx.tensor(index).value;
  return nchw ? cx.tensor(index).value : cx.asSame(cx.tensor(index)).value;
}

export function broadcast(cx: Translation, a: readonly TfDim[], b: readonly TfDim[]): TfDim[] {
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

/** Converts a constant operand of an image: [N, H, W, C] to [N, C, H, W]. */
function asImage(cx: Translation, constant: TfConstant): Value {
  if (constant.dims.length === 0) return cx.literal([], constant);
  const [N, H, W, C] = [1, 1, 1, 1, ...constant.dims].slice(-4) as [number, number, number, number];
  const moved = constant.data.slice();
  let from = 0;
  for (let n = 0; n < N; n++) {
    for (let cell = 0; cell < H * W; cell++) {
      for (let c = 0; c < C; c++) moved[(n * C + c) * H * W + cell] = constant.data[from++]!;
    }
  }
  return cx.literal([N, C, H, W], { ...constant, data: moved });
}
