/** The source positions of each output position on one axis: `(1 - fraction) * source[lower] + fraction * source[upper]`. */
export interface LinearTaps {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  /** 0..1, rounded to float32 as OpenCV does. */
  readonly fraction: Float32Array;
}

/**
 * Returns the taps of OpenCV's INTER_LINEAR for one axis. Pixel centres are at half-integers: `x = (d + 0.5) * source / target - 0.5`.
 * Shrinking does not smooth. Edges are repeated. The SIMD resampler and the scalar resampler both use these taps.
 */
export function linearTaps(source: number, target: number): LinearTaps {
  const scale = 1 / (target / source);
  const lower = new Int32Array(target);
  const upper = new Int32Array(target);
  const fraction = new Float32Array(target);
  for (let d = 0; d < target; d++) {
    const x = Math.fround((d + 0.5) * scale - 0.5);
    const floor = Math.floor(x);
    lower[d] = clamp(floor, source - 1);
    upper[d] = clamp(floor + 1, source - 1);
    fraction[d] = x - floor;
  }
  return { lower, upper, fraction };
}

/**
 * The taps of a row of floats. Each tap is a pair: a value and its right neighbour, with their weights in float32. The last value has no right
 * neighbour. It is the right value of its pair, because OpenCV repeats edges.
 */
export interface PairTaps {
  readonly left: Int32Array;
  readonly weightLeft: Float32Array;
  readonly weightRight: Float32Array;
}

/** `linearTaps` as pairs. In a row of one value, the left value has weight 1. The right value, outside the row, has weight 0. */
export function pairTaps(source: number, target: number): PairTaps {
  const { lower, upper, fraction } = linearTaps(source, target);
  const last = Math.max(0, source - 2);
  const left = new Int32Array(target);
  const weightLeft = new Float32Array(target);
  const weightRight = new Float32Array(target);
  for (let d = 0; d < target; d++) {
    left[d] = Math.min(lower[d]!, last);
    weightRight[d] = lower[d] === upper[d] ? lower[d]! - left[d]! : fraction[d]!;
    weightLeft[d] = 1 - weightRight[d]!;
  }
  return { left, weightLeft, weightRight };
}

/** The weight 1 in OpenCV's fixed-point format for bytes, which has 11 bits. */
const WEIGHT_ONE = 2048;

/** Returns the 11-bit weights of the lower and the upper byte of a position. */
export function byteWeights(fraction: number): [lower: number, upper: number] {
  return [fixedPoint(Math.fround(1 - fraction)), fixedPoint(fraction)];
}

/** Converts a weight 0..1 to 11 bits. Ties are rounded to even. */
function fixedPoint(weight: number): number {
  const scaled = weight * WEIGHT_ONE;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  if (rest === 0.5) return floor + (floor % 2);
  return rest > 0.5 ? floor + 1 : floor;
}

function clamp(index: number, last: number): number {
  return Math.min(Math.max(index, 0), last);
}
