import type { Value } from "../../onnx/builder.js";
import type { Node } from "../../onnx/model.js";
import type { FactSource, StaticDim } from "../../onnx/shapes/static-dims.js";
import type { GradRule, VjpContext } from "../rule.js";
import { unbroadcast } from "../unbroadcast.js";

/** Y = A·B, broadcast over the axes before the last two: G·Bᵀ and Aᵀ·G. A vector is a row on the left, a column on the right. */
export const matmul: GradRule = {
  op: "MatMul",
  unsupported: unknownRank,
  vjp(cx) {
    const [a, b] = [rank(cx, 0), rank(cx, 1)];
    refuseMissingBatch(cx, a, b);
    const gradients = a === 1 || b === 1 ? vectorGradients(cx, a, b) : matrixGradients(cx, a, b);
    return gradients.map((gradient, i) => (cx.wants(i) ? gradient() : null));
  },
};

type Lazy = () => Value;

function matrixGradients(cx: VjpContext, a: number, b: number): readonly [Lazy, Lazy] {
  const g = cx.cotangent(0)!;
  return [
    () => sumBatch(cx, cx.op("MatMul", [g, transposed(cx, cx.input(1), b)]), 0),
    () => sumBatch(cx, cx.op("MatMul", [transposed(cx, cx.input(0), a), g]), 1),
  ];
}

/** The batch axes of a product of G are those of Y; its last two are the operand's own. */
function sumBatch(cx: VjpContext, g: Value, operand: 0 | 1): Value {
  const [y, to] = [cx.staticDims(cx.output(0)), cx.staticDims(cx.input(operand))];
  const source: StaticDim[] | undefined = y && to && [...y.slice(0, -2), ...to.slice(-2)];
  return unbroadcast(cx, g, cx.input(operand), cx.output(0), source);
}

function vectorGradients(cx: VjpContext, a: number, b: number): readonly [Lazy, Lazy] {
  const { build } = cx;
  const [A, B, g] = [cx.input(0), cx.input(1), cx.cotangent(0)!];
  const axes = (rank: number, kept: number) =>
    build.ints(Array.from({ length: rank }, (_, i) => i).filter((i) => i !== kept));
  const sum = (value: Value, rank: number, kept: number) =>
    cx.op("ReduceSum", [value, axes(rank, kept)], { keepdims: 0 });
  const times = (x: Value, y: Value) => cx.op("Mul", [x, y]);
  if (a === 1 && b === 1) return [() => times(g, B), () => times(g, A)];
  if (b === 1) {
    const column = cx.op("Unsqueeze", [g, build.ints([-1])]); // [..., P, 1]
    return [() => times(column, B), () => sum(times(column, A), a, a - 1)];
  }
  const row = cx.op("Unsqueeze", [g, build.ints([-2])]); // [..., 1, M]
  return [() => sum(times(row, B), b, b - 2), () => times(row, cx.op("Unsqueeze", [A, build.ints([-1])]))];
}

function transposed(cx: VjpContext, value: Value, rank: number): Value {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  perm.splice(-2, 2, rank - 1, rank - 2);
  return cx.op("Transpose", [value], { perm });
}

/** Axis 0 of a wanted operand must be a batch axis that Y has too (or a single row of A). */
function refuseMissingBatch(cx: VjpContext, a: number, b: number): void {
  if (cx.wants(1) && b < 3)
    cx.refuseManySeeds("the right operand is one matrix or vector: it has no axis for the seeds");
  if (cx.wants(0) && a < 2) cx.refuseManySeeds("the left operand is a vector: it has no axis for the seeds");
}

function rank(cx: VjpContext, i: number): number {
  return cx.staticDims(cx.input(i))!.length; // `unsupported` has checked that it is known.
}

function unknownRank(node: Node, facts: FactSource): string | undefined {
  return node.inputs.every((input) => facts.dims(input)) ? undefined : "the rank of an operand is not known";
}
