import { type Kernels, kernels } from "./kernels-memory.js";

/** The least and the largest of some values. */
export interface Range {
  /** +Infinity of no values, never −0. */
  readonly low: number;
  /** −Infinity of no values, never −0. */
  readonly high: number;
}

/** Where the kernels keep a range, and where values for them may begin; in bytes. */
const RANGE_AT = 0;
export const FREE_AT = 32;

/** Floats that go through the kernels at a time: few enough to stay in a core's cache. */
const PIECE = 16384;

/** The range of the values that are not NaN. */
export function rangeOf(data: Float32Array): Range {
  const found = kernels();
  if (found === undefined) return rangeOfPlainly(data);
  openRange(found);
  for (let start = 0; start < data.length; start += PIECE) {
    found.rangeOf(FREE_AT, copyIn(found, data.subarray(start, start + PIECE)), RANGE_AT);
  }
  return readRange(found);
}

/** In place: `(value - low) / divisor`, each step in float32. */
export function rescale(data: Float32Array, low: number, divisor: number): void {
  const found = kernels();
  if (found === undefined) {
    rescalePlainly(data, low, divisor);
    return;
  }
  for (let start = 0; start < data.length; start += PIECE) {
    const piece = data.subarray(start, start + PIECE);
    found.rescale(FREE_AT, copyIn(found, piece), low, divisor);
    piece.set(found.floats.subarray(FREE_AT / 4, FREE_AT / 4 + piece.length));
  }
}

/** Begins the range that kernels add to; returns where it is kept. */
export function openRange({ floats }: Kernels): number {
  floats.fill(Number.POSITIVE_INFINITY, RANGE_AT / 4, RANGE_AT / 4 + 4);
  floats.fill(Number.NEGATIVE_INFINITY, RANGE_AT / 4 + 4, RANGE_AT / 4 + 8);
  return RANGE_AT;
}

export function readRange({ floats }: Kernels): Range {
  const lows = floats.subarray(RANGE_AT / 4, RANGE_AT / 4 + 4);
  const highs = floats.subarray(RANGE_AT / 4 + 4, RANGE_AT / 4 + 8);
  return { low: rangeOfPlainly(lows).low, high: rangeOfPlainly(highs).high };
}

/** Fills the last vector with a value that is there, which changes no range; returns the end of the values in bytes. */
function copyIn({ floats }: Kernels, piece: Float32Array): number {
  const end = FREE_AT / 4 + piece.length;
  floats.set(piece, FREE_AT / 4);
  floats.fill(piece[0]!, end, end + 3);
  return 4 * end;
}

/** `rangeOf` without the kernels. Adding zero makes 0 of −0, whichever came first. */
export function rangeOfPlainly(data: Float32Array): Range {
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
export function rescalePlainly(data: Float32Array, low: number, divisor: number): void {
  const from = Math.fround(low);
  const by = Math.fround(divisor);
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(data[i]! - from) / by;
}
