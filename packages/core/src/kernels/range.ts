import { type Kernels, kernels } from "./memory.js";
import type { Scaling } from "./scaling.js";

export interface Range {
  /** The minimum. +Infinity if there are no values. Never −0. */
  readonly low: number;
  /** The maximum. −Infinity if there are no values. Never −0. */
  readonly high: number;
}

/** Byte offset of the range, or the sums, in the kernels' memory. */
const RANGE_AT = 0;
/** Byte offset of the first free byte after them. */
export const FREE_AT = 32;

/** Number of floats per kernel call. They fit into the cache of a core. */
const PIECE = 16384;

/** Returns the range of the values. NaN is ignored. */
export function rangeOf(data: Float32Array): Range {
  const found = kernels();
  if (found === undefined) return rangeOfScalar(data);
  openRange(found);
  inPieces(found, data, (end) => found.rangeOf(FREE_AT, end, RANGE_AT));
  return readRange(found);
}

/** Replaces each value by `(value - low) / divisor / maximum`, in place. Each step is float32. */
export function rescale(data: Float32Array, scaling: Scaling): void {
  const found = kernels();
  if (found === undefined) {
    rescaleScalar(data, scaling);
    return;
  }
  inPieces(found, data, (end, piece) => {
    found.rescale(FREE_AT, end, scaling.low, scaling.divisor, scaling.maximum);
    piece.set(found.floats.subarray(FREE_AT / 4, end / 4));
  });
}

/** Resets the range that the kernels extend. Returns its byte offset. */
export function openRange({ floats }: Kernels): number {
  floats.fill(Number.POSITIVE_INFINITY, RANGE_AT / 4, RANGE_AT / 4 + 4);
  floats.fill(Number.NEGATIVE_INFINITY, RANGE_AT / 4 + 4, RANGE_AT / 4 + 8);
  return RANGE_AT;
}

export function readRange({ floats }: Kernels): Range {
  const lows = floats.subarray(RANGE_AT / 4, RANGE_AT / 4 + 4);
  const highs = floats.subarray(RANGE_AT / 4 + 4, RANGE_AT / 4 + 8);
  return { low: rangeOfScalar(lows).low, high: rangeOfScalar(highs).high };
}

/**
 * Returns `Σ max(value, 0)` in float64. NaN counts as 0. Four sums, each of every fourth value, run independently and are added at the end,
 * so that the processor computes them in parallel.
 */
export function positiveSum(data: Float32Array): number {
  const found = kernels();
  const sums = found === undefined ? new Float64Array(4) : found.doubles.fill(0, 0, 4);
  if (found === undefined) for (let i = 0; i < data.length; i++) sums[i % 4]! += data[i]! > 0 ? data[i]! : 0;
  else inPieces(found, data, (end) => found.addPositive(FREE_AT, end, RANGE_AT), 0);
  return sums[0]! + sums[1]! + (sums[2]! + sums[3]!);
}

/** Returns true if no value is NaN or infinite. */
export function allFinite(data: Float32Array): boolean {
  const found = kernels();
  if (found === undefined) return data.every(Number.isFinite);
  let finite = true;
  inPieces(found, data, (end) => (finite &&= found.areFinite(FREE_AT, end) === 1));
  return finite;
}

/**
 * Passes all values to a kernel in pieces, from byte `FREE_AT` to byte `end`. The last vector is padded with `filler`. The default is an existing
 * value, which does not change a range.
 */
function inPieces(
  { floats }: Kernels,
  data: Float32Array,
  work: (end: number, piece: Float32Array) => void,
  filler = data[0]!,
): void {
  for (let start = 0; start < data.length; start += PIECE) {
    const piece = data.subarray(start, start + PIECE);
    const end = FREE_AT / 4 + piece.length;
    floats.set(piece, FREE_AT / 4);
    floats.fill(filler, end, end + 3);
    work(4 * end, piece);
  }
}

/** `rangeOf` without the kernels. Adding zero converts −0 to 0. */
export function rangeOfScalar(data: Float32Array): Range {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low: low + 0, high: high + 0 };
}

/** `rescale` without the kernels. */
export function rescaleScalar(data: Float32Array, scaling: Scaling): void {
  const [low, divisor, maximum] = [scaling.low, scaling.divisor, scaling.maximum].map(Math.fround) as [
    number,
    number,
    number,
  ];
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(Math.fround(data[i]! - low) / divisor) / maximum;
}
