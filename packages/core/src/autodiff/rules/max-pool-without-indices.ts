import { intsAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { padBy } from "./axes.js";
import {
  alongAxes,
  beginPads,
  channelsToBatch,
  covered,
  cutToInput,
  poolOnce,
  spatialAxes,
  type Window,
  windowOf,
} from "./window.js";

/** Maximum number of comparisons along one axis. More would make the graph too large. */
const MAX_TAPS = 512;

/**
 * Gradient of MaxPool by comparing shifted windows with their maximum, for runtimes whose MaxPool has no Indices (WebGPU):
 * the first match in row-major order gets all. A window is pooled along its last axis, the result along the axis before,
 * and so on: the first row with the maximum, in it the first column. This takes k + k comparisons instead of k · k.
 */
export const maxPoolWithoutIndices: GradRule = {
  op: "MaxPool",
  unsupported(node) {
    const kernel = intsAttribute(node, "kernel_shape") ?? [];
    return kernel.some((k) => k > MAX_TAPS)
      ? `kernel_shape is [${kernel.join(", ")}], more than ${MAX_TAPS}`
      : undefined;
  },
  vjp(cx) {
    const stages = [];
    let value = cx.input(0);
    for (const window of alongAxes(windowOf(cx))) {
      const pooled = cx.op("MaxPool", [value], poolOnce(cx, window));
      stages.push({ window, value, pooled });
      value = pooled;
    }
    let g = cx.cotangent(0)!;
    for (const { window, value, pooled } of stages.reverse()) g = pullBackAxis(cx, window, value, pooled, g);
    return [g];
  },
};

/** One axis: the shares of the taps, each put back where its tap looks. */
function pullBackAxis(cx: VjpContext, window: Window, value: Value, pooled: Value, g: Value): Value {
  const axis = window.kernel.findIndex((k) => k > 1);
  // A kernel of 1 only removes or pads entries: its one tap gets everything.
  const along = Math.max(axis, 0);
  const pooling: Pooling = { window, along, value, begin: beginPads(cx, window, value, pooled) };
  const shares = firstMatches(cx, pooling, pooled).map((match) => cx.op("Where", [match, g, cx.build.float(0)]));
  const unit = window.strides.every((stride) => stride === 1);
  return unit ? shifted(cx, pooling, shares) : strided(cx, pooling, shares);
}

/** One axis that is pooled. */
interface Pooling {
  readonly window: Window;
  readonly along: number;
  readonly value: Value;
  readonly begin: Value;
}

/** For every tap: where it is the first to see the maximum (bool, in the shape of `pooled`). */
function firstMatches(cx: VjpContext, { window, along, value, begin }: Pooling, pooled: Value): Value[] {
  const { build } = cx;
  const axes = build.ints(spatialAxes(window).axes);
  const size = cx.op("Shape", [value], { start: 2 });
  const end = cx.op("Sub", [covered(cx, window, pooled), cx.op("Add", [begin, size])]);
  const fill = build.float(Number.NEGATIVE_INFINITY);
  const field = padBy(cx, value, begin, end, { ...spatialAxes(window), fill });
  const steps = build.ints(window.strides);
  const last = cx.op("Mul", [cx.op("Sub", [cx.op("Shape", [pooled], { start: 2 }), build.ints([1])]), steps]);
  let seen: Value | undefined;
  return Array.from({ length: window.kernel[along]! }, (_, tap) => {
    const offset = window.kernel.map((_, i) => (i === along ? tap * window.dilations[i]! : 0));
    const ends = cx.op("Add", [last, build.ints(offset.map((o) => o + 1))]);
    const equal = cx.op("Equal", [cx.op("Slice", [field, build.ints(offset), ends, axes, steps]), pooled]);
    const match = seen === undefined ? equal : cx.op("And", [equal, cx.op("Not", [seen])]);
    seen = seen === undefined ? equal : cx.op("Or", [seen, equal]);
    return match;
  });
}

/** Stride 1: every share is moved by a Pad. */
function shifted(cx: VjpContext, { window, along, value, begin }: Pooling, shares: readonly Value[]): Value {
  const { build } = cx;
  const before = cx.op("Neg", [cx.op("Gather", [begin, build.ints([along])])]);
  const size = cx.op("Shape", [value], { start: along + 2, end: along + 3 });
  const spare = cx.op("Sub", [size, cx.op("Shape", [shares[0]!], { start: along + 2, end: along + 3 })]);
  const moved = shares.map((share, tap) => {
    const from = cx.op("Add", [before, build.ints([tap * window.dilations[along]!])]);
    return padBy(cx, share, from, cx.op("Sub", [spare, from]), { axes: [along + 2], rank: window.kernel.length + 2 });
  });
  return moved.length === 1 ? moved[0]! : cx.op("Sum", moved);
}

/** Strides: a ConvTranspose on single channels whose kernel has one tap for each share. */
function strided(cx: VjpContext, { window, along, value, begin }: Pooling, shares: readonly Value[]): Value {
  const { build } = cx;
  const taps = window.kernel[along]!;
  const kernel = new Float32Array(taps * taps);
  for (let tap = 0; tap < taps; tap++) kernel[tap * taps + tap] = 1;
  const stacked = cx.op(
    "Concat",
    shares.map((share) => channelsToBatch(cx, share)),
    { axis: 1 },
  );
  const full = cx.op("ConvTranspose", [stacked, build.floats([taps, 1, ...window.kernel], kernel)], {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.kernel, ...window.kernel].fill(0),
    group: 1,
  });
  return cx.reshapeLike(cutToInput(cx, window, full, value, begin), value);
}
