import type { Value } from "../../onnx/builder.js";
import { DataType } from "../../onnx/model.js";
import { floatTensor, intsOf } from "../../onnx/tensors.js";
import type { VjpContext } from "../rule.js";

/** "To the end of the axis" for Slice: past any real size, and exact as a number. */
export const TO_END = Number.MAX_SAFE_INTEGER;

/** `[start, end)` of an int64 vector in the graph. */
export function part(cx: VjpContext, vector: Value, start: number, end: number = TO_END): Value {
  const { build } = cx;
  return cx.op("Slice", [vector, build.ints([start]), build.ints([end]), build.ints([0])]);
}

/** Size of one axis (may be negative) of a shape, as a vector of one. */
export function sizeAt(cx: VjpContext, shape: Value, axis: number): Value {
  return cx.op("Gather", [shape, cx.build.ints([axis])]);
}

/** Sizes of the spatial axes (2 and on) of a backward value. */
export function spatialSizes(cx: VjpContext, g: Value): Value {
  return cx.op("Shape", [g], { start: 2 });
}

/** Product of a vector, as a vector of one; 1 when the vector is empty. */
export function product(cx: VjpContext, vector: Value): Value {
  return cx.op("ReduceProd", [vector], { keepdims: 1 });
}

/** The concatenation of int64 vectors. */
export function join(cx: VjpContext, ...vectors: readonly Value[]): Value {
  return cx.op("Concat", vectors, { axis: 0 });
}

/** Float zeros of a shape known in the graph. */
export function zerosOf(cx: VjpContext, shape: Value): Value {
  return cx.op("ConstantOfShape", [shape], { value: { tensor: floatTensor("", [1], [0]) } });
}

/** Float ones of a shape known in the graph. */
export function onesOf(cx: VjpContext, shape: Value): Value {
  return cx.op("ConstantOfShape", [shape], { value: { tensor: floatTensor("", [1], [1]) } });
}

/** The integers 0 … n-1; `n` is a vector of one. */
export function countTo(cx: VjpContext, n: Value): Value {
  const { build } = cx;
  return cx.op("Range", [build.int(0), cx.op("Squeeze", [n, build.ints([0])]), build.int(1)]);
}

/** The axes of a Pad and the rank of the padded value. Undefined when it is not known in advance. */
export interface PaddedAxes {
  readonly axes: readonly number[];
  readonly rank: number | undefined;
}

export interface Padding extends PaddedAxes {
  /** Default: zeros. */
  readonly fill?: Value;
}

/** Pads (negative: crops) `g`; `begins` and `ends` are int64 vectors, one entry for each axis. */
export function padBy(cx: VjpContext, g: Value, begins: Value, ends: Value, { axes, rank, fill = "" }: Padding): Value {
  const { build } = cx;
  if (rank === undefined) {
    return cx.op("Pad", [g, join(cx, begins, ends), fill, build.ints(axes)], { mode: "constant" });
  }
  // All axes are written: ONNX Runtime's layout transformation, which WebGPU needs, moves a Transpose past a Pad as if it had no axes input.
  const places = range(0, rank).map((axis) => axes.findIndex((one) => (one < 0 ? one + rank : one) === axis));
  const none = 2 * axes.length;
  const pick = [0, axes.length].flatMap((first) => places.map((place) => (place < 0 ? none : first + place)));
  const pads = cx.op("Gather", [join(cx, begins, ends, build.ints([0])), build.ints(pick)]);
  return cx.op("Pad", fill === "" ? [g, pads] : [g, pads, fill], { mode: "constant" });
}

/** The integers of a constant input, or undefined when it is computed, omitted or stored elsewhere. */
export function constantInts(cx: VjpContext, i: number): readonly number[] | undefined {
  const found = cx.constant(i);
  if (found === undefined || found.external !== undefined) return undefined;
  return found.dataType === DataType.INT64 || found.dataType === DataType.INT32 ? intsOf(found) : undefined;
}

/** `from`, `from + 1`, … `to - 1`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

/** Where parts of these sizes end that follow each other. */
export function runningSums(sizes: readonly number[]): number[] {
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return end;
  });
}

/** True when the node has input `i`. */
export function hasInput(cx: VjpContext, i: number): boolean {
  return (cx.node.inputs[i] ?? "") !== "";
}

/** `axis` as a non-negative number. Undefined when it is negative and the rank of `value` is not known in advance. */
export function fromFront(cx: VjpContext, axis: number, value: Value): number | undefined {
  if (axis >= 0) return axis;
  const rank = cx.staticDims(value)?.length;
  return rank === undefined ? undefined : axis + rank;
}

/** Refuses many seeds when the node works along axis 0 of `value`, or when that is unknown. */
export function refuseAxisZero(cx: VjpContext, axes: readonly number[] | undefined, value: Value): void {
  const front = axes?.map((axis) => fromFront(cx, axis, value));
  if (front?.every((axis) => axis !== undefined && axis !== 0)) return;
  const known = front?.includes(0)
    ? "it works along axis 0"
    : "whether it works along axis 0 depends on values known only later";
  cx.refuseManySeeds(`${known}, where the seeds are`);
}
