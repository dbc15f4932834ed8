import type { Value } from "../onnx/builder.js";
import type { StaticDim } from "../onnx/shapes/static-dims.js";
import { intTensor } from "../onnx/tensors.js";
import type { VjpContext } from "./rule.js";

/**
 * Sums `g` to the shape of forward value `to`, which was broadcast. `from` is a forward value with the rank of `g`.
 * `source` are the known dims of `g` (default: those of `from`). Axes that are known in advance are summed
 * by at most one ReduceSum; the graph finds the others.
 */
export function unbroadcast(
  cx: VjpContext,
  g: Value,
  to: Value,
  from: Value,
  source: readonly StaticDim[] | undefined = cx.staticDims(from),
): Value {
  const target = cx.staticDims(to);
  if (cx.manySeeds && (!source || !target || source.length !== target.length)) {
    const found = source && target ? `has rank ${target.length}, the output ${source.length}` : "is of unknown rank";
    cx.refuseManySeeds(`operand "${to}" ${found}: there is no axis for the seeds`);
  }
  const axes = source && target && staticAxes(source, target, cx.manySeeds);
  return axes ? reduceStatic(cx, g, axes, source.length - target.length) : reduceDynamic(cx, g, to, from);
}

/** The axes to sum. Undefined when they depend on unknown sizes. */
function staticAxes(
  source: readonly StaticDim[],
  target: readonly StaticDim[],
  manySeeds: boolean,
): number[] | undefined {
  const pad = source.length - target.length;
  const axes: number[] = [];
  for (let axis = 0; axis < source.length; axis++) {
    if (axis === 0 && manySeeds) continue; // The seed axis: 1 in every forward value.
    const size = axis < pad ? 1 : target[axis - pad]!;
    if (size === source[axis] && axis >= pad) continue;
    if (size === 1) axes.push(axis);
    else if (typeof size === "string") return undefined;
  }
  return axes;
}

function reduceStatic(cx: VjpContext, g: Value, axes: readonly number[], pad: number): Value {
  if (axes.length === 0) return g;
  const summed = cx.op("ReduceSum", [g, cx.build.ints(axes)], { keepdims: axes.length === pad ? 0 : 1 });
  if (pad === 0 || axes.length === pad) return summed;
  return cx.op("Squeeze", [summed, cx.build.ints(Array.from({ length: pad }, (_, axis) => axis))]);
}

/** Sums over every axis where the target has size 1, after ones are prepended to its shape. */
function reduceDynamic(cx: VjpContext, g: Value, to: Value, from: Value): Value {
  const { build } = cx;
  const one = build.ints([1]);
  const shape = cx.shape(to);
  const missing = cx.op("Sub", [cx.op("Shape", [cx.shape(from)]), cx.op("Shape", [shape])]);
  const ones = cx.op("ConstantOfShape", [missing], { value: { tensor: intTensor("", [1]) } });
  const padded = cx.op("Concat", [ones, shape], { axis: 0 });
  // The seed axis is never summed: its entry becomes 0, which never equals 1.
  const sizes = cx.manySeeds ? cx.op("Mul", [padded, firstZero(cx, padded)]) : padded;
  const axes = cx.op("Reshape", [cx.op("NonZero", [cx.op("Equal", [sizes, one])]), build.ints([-1])]);
  const summed = cx.op("ReduceSum", [g, axes], { keepdims: 1, noop_with_empty_axes: 1 });
  return cx.reshapeLike(summed, to);
}

/** 0, 1, 1, … as long as `like`. */
function firstZero(cx: VjpContext, like: Value): Value {
  const { build } = cx;
  const range = cx.op("Range", [build.int(0), cx.op("Size", [like]), build.int(1)]);
  return cx.op("Min", [range, build.int(1)]);
}
