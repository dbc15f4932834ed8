/** Where each output position of one axis reads: `(1 - fraction) * source[lower] + fraction * source[upper]`. */
export interface LinearTaps {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  /** 0..1, rounded to float32 as OpenCV does. */
  readonly fraction: Float32Array;
}

/**
 * The taps of OpenCV's INTER_LINEAR for one axis: pixel centres at half-integers, `x = (d + 0.5) * source / target - 0.5`,
 * no smoothing when shrinking, edges repeated. Both resamplers read with these.
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
 * The taps of a row of floats, each as a value, the one to its right, and their weights in float32. Where there is none to the right the value is the
 * right one of its pair, as OpenCV repeats edges.
 */
export interface PairTaps {
  readonly left: Int32Array;
  readonly weightLeft: Float32Array;
  readonly weightRight: Float32Array;
}

/** `linearTaps` in pairs. A row of one value has no pair: its left one gets all the weight, the right one, beyond the row, none. */
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

/** OpenCV's fixed point for bytes: weights of 11 bits. */
const WEIGHT_ONE = 2048;

/** The weights of a position's two bytes in 11 bits, the lower's and the upper's. */
export function byteWeights(fraction: number): [lower: number, upper: number] {
  return [fixedPoint(Math.fround(1 - fraction)), fixedPoint(fraction)];
}

/** A weight 0..1 in 11 bits, ties to even. */
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
