import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { TensorProto } from "../../onnx/model.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { VjpContext } from "../rule.js";
import { join, part, zerosOf } from "./axes.js";
import { swappedWeight, type TapMove } from "./swapped-weight.js";
import { type Pads, reach, spatialAxes, type Window } from "./window.js";

/** With more phases, a ConvTranspose is cheaper than putting them together. */
const MAX_PHASES = 16;

/** The runtime computes blocks of this many channels. With fewer, one convolution computes all phases. */
const BLOCK = 16;

/**
 * The entries of the input whose index is r modulo the stride, along one axis. Entry q of the phase reads the cotangents at
 * q + offset through tap t of the kernel.
 */
interface Phase {
  /** Offset of each tap, or undefined where the phase does not use it. */
  readonly offsets: readonly (number | undefined)[];
  /** Range of the offsets. Infinite for a phase that no tap reaches: its gradient is zero. */
  readonly first: number;
  readonly last: number;
}

/** The phases of both axes, and the kernel that covers their offsets. */
interface PhasedConv {
  readonly weight: TensorProto;
  readonly group: number;
  /** Difference between the sizes of a phase and of the cotangent. */
  readonly excess: readonly number[];
  readonly phases: readonly (readonly Phase[])[];
}

/**
 * Gradient of a strided Conv with two spatial axes as ordinary convolutions, one for each phase, put together entry by entry. They run in
 * the runtime's blocked layout, ConvTranspose does not. Undefined where that is not possible or not faster.
 */
export function phasedConv(cx: VjpContext, g: Value, window: Window, weight: TensorProto): Value | undefined {
  const { pads, strides } = window;
  const group = intAttribute(cx.node, "group", 1);
  const together = weight.dims[1]! < BLOCK && group === 1;
  if (pads === undefined || strides.length !== 2 || !isFaster(window, weight, together)) return undefined;
  const phases = strides.map((_, axis) => phasesOf(window, pads, axis));
  const excess = strides.map((_, axis) => excessOf(cx, window, pads, axis));
  const conv: PhasedConv = { weight, group, excess, phases };
  const padded = phases.every((axis, i) =>
    axis.filter(isReached).every(({ first, last }) => first <= 0 && last + excess[i]! >= 0),
  );
  if (!padded) return undefined;
  const dx = interleaved(cx, together ? allPhases(cx, g, conv) : singlePhases(cx, g, conv), strides);
  const x = cx.input(0);
  const dims = cx.staticDims(x)?.slice(2);
  if (dims?.every((size, i) => typeof size === "number" && size % strides[i]! === 0)) return dx;
  const { build } = cx;
  return cx.op("Slice", [dx, build.ints([0, 0]), part(cx, cx.shape(x), 2), build.ints(spatialAxes(window).axes)]);
}

/**
 * ConvTranspose is faster where the windows do not overlap, and for channels that fill no blocks. One convolution for all phases has as many
 * taps for each as the largest one needs, which pays off for large kernels only.
 */
function isFaster({ kernel, strides }: Window, weight: TensorProto, together: boolean): boolean {
  const overlap = together ? 2 : 1;
  const overlaps = strides.every((s, axis) => s === 1 || (kernel[axis]! > s && kernel[axis]! >= overlap * s));
  return overlaps && weight.dims[0]! % BLOCK === 0 && sizeOf(strides) <= MAX_PHASES;
}

/** Input entry i = stride · q + r meets tap t in window o where i + pad = stride · o + dilation · t. */
function phasesOf({ kernel, strides, dilations }: Window, pads: Pads, axis: number): Phase[] {
  const stride = strides[axis]!;
  return Array.from({ length: stride }, (_, r) => {
    const offsets = Array.from({ length: kernel[axis]! }, (_, tap) => {
      const offset = (r + pads.begin[axis]! - dilations[axis]! * tap) / stride;
      return Number.isInteger(offset) ? offset : undefined;
    });
    const used = offsets.filter((offset) => offset !== undefined);
    return { offsets, first: Math.min(...used), last: Math.max(...used) };
  });
}

function isReached(phase: Phase): boolean {
  return Number.isFinite(phase.first);
}

/** How many entries a phase has more than the cotangent: enough for any input of this number of windows, exact for a known one. */
function excessOf(cx: VjpContext, window: Window, pads: Pads, axis: number): number {
  const stride = window.strides[axis]!;
  const size = cx.staticDims(cx.input(0))?.[axis + 2];
  const windows = cx.staticDims(cx.output(0))?.[axis + 2];
  if (typeof size === "number" && typeof windows === "number") return Math.ceil(size / stride) - windows;
  return Math.ceil((reach(window)[axis]! - pads.begin[axis]! - pads.end[axis]!) / stride);
}

/** One convolution for each phase, row by row. */
function singlePhases(cx: VjpContext, g: Value, conv: PhasedConv): Value[] {
  const [rows, columns] = conv.phases as [readonly Phase[], readonly Phase[]];
  const pairs = rows.flatMap((row) => columns.map((column) => [row, column] as const));
  const found = pairs.map((pair) => (pair.every(isReached) ? convolved(cx, g, conv, [pair]) : undefined));
  const some = found.find((value) => value !== undefined)!;
  return found.map((value) => value ?? zerosOf(cx, cx.op("Shape", [some])));
}

/** All phases by one convolution, as channels. */
function allPhases(cx: VjpContext, g: Value, conv: PhasedConv): readonly Value[] {
  const [rows, columns] = conv.phases as [readonly Phase[], readonly Phase[]];
  const pairs = rows.flatMap((row) => columns.map((column) => [row, column] as const));
  const sizes = pairs.map(() => conv.weight.dims[1]!);
  return cx.build.ops("Split", [convolved(cx, g, conv, pairs), cx.build.ints(sizes)], pairs.length, { axis: 1 });
}

type PhasePair = readonly [row: Phase, column: Phase];

function convolved(cx: VjpContext, g: Value, conv: PhasedConv, pairs: readonly PhasePair[]): Value {
  const first = [0, 1].map((axis) => Math.min(...pairs.map((pair) => pair[axis]!.first)));
  const last = [0, 1].map((axis) => Math.max(...pairs.map((pair) => pair[axis]!.last)));
  const kernel = [0, 1].map((axis) => last[axis]! - first[axis]! + 1);
  const { weight, group, excess } = conv;
  const [M = 1, C = 1] = weight.dims;
  const dims = [pairs.length * C * group, M / group, ...kernel];
  const values = (): Float32Array => phaseWeight(conv, pairs, { first, kernel });
  return cx.op("Conv", [g, cx.build.weights(dims, values)], {
    kernel_shape: kernel,
    strides: [1, 1],
    dilations: [1, 1],
    pads: [...first.map((offset) => 0 - offset), ...last.map((offset, axis) => offset + excess[axis]!)],
    group,
  });
}

/** W [M, C/g, k…] as [C, M/g, kernel…] for each phase: its taps in the order of their offsets. */
function phaseWeight(
  { weight, group }: PhasedConv,
  pairs: readonly PhasePair[],
  { first, kernel }: { readonly first: readonly number[]; readonly kernel: readonly number[] },
): Float32Array {
  const width = weight.dims[3]!;
  const moves = ([row, column]: PhasePair): TapMove[] =>
    row.offsets.flatMap((dy, y) =>
      column.offsets.flatMap((dx, x): TapMove[] =>
        dy === undefined || dx === undefined ? [] : [[y * width + x, (dy - first[0]!) * kernel[1]! + dx - first[1]!]],
      ),
    );
  return swappedWeight(weight, { group, taps: sizeOf(kernel), copies: pairs.map(moves) });
}

/** Phases [N, C, Q, P], row by row, as one map [N, C, stride · Q, stride · P]. Two Concats are faster than a DepthToSpace. */
function interleaved(cx: VjpContext, phases: readonly Value[], [down, across]: readonly number[]): Value {
  const { build } = cx;
  const shape = cx.op("Shape", [phases[0]!]);
  const rowOf = join(cx, build.ints([-1]), cx.op("Shape", [phases[0]!], { start: 3 }));
  const columns = Array.from({ length: across! }, (_, column) => {
    const rows = Array.from({ length: down! }, (_, row) => cx.op("Reshape", [phases[row * across! + column]!, rowOf]));
    return cx.op("Reshape", [concatenated(cx, rows), build.ints([-1, 1])]);
  });
  return cx.op("Reshape", [concatenated(cx, columns), cx.op("Mul", [shape, build.ints([1, 1, down!, across!])])]);
}

function concatenated(cx: VjpContext, values: readonly Value[]): Value {
  return values.length === 1 ? values[0]! : cx.op("Concat", values, { axis: 1 });
}
