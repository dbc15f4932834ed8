/** A box in the pixels of a map. Coordinates are continuous: pixel `i` covers `[i, i + 1)`. */
export interface MetricBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** The score of a detection after shares of the pixels are changed. */
export interface PerturbationCurve {
  /** Shares of the pixels in ascending order, 0..1. */
  readonly fractions: readonly number[];
  /** The score at each share, usually divided by the score of the original image. */
  readonly scores: readonly number[];
}

/**
 * Returns the score of the image after the chosen pixels are changed. `chosen` is `[h, w]`, row-major: 1 for a changed pixel. The array is reused
 * for the next share.
 */
export type PerturbedScore = (chosen: Uint8Array, fraction: number) => number | Promise<number>;

/** A mean and its confidence interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}
