/** A box on a map, in its pixels: continuous, pixel `i` covers `[i, i + 1)`. */
export interface MetricBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** What is left of a detection when a share of the pixels has been changed. */
export interface PerturbationCurve {
  /** Shares of the pixels, rising, 0..1. */
  readonly fractions: readonly number[];
  /** The score at each share, mostly over the score of the untouched picture. */
  readonly scores: readonly number[];
}

/**
 * The score of the picture when the pixels that are set (1) in `chosen`, `[h, w]` row-major, have been changed. The array is used again
 * for the next share.
 */
export type PerturbedScore = (chosen: Uint8Array, fraction: number) => number | Promise<number>;

/** A number with the interval that holds it with the confidence asked for. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}
