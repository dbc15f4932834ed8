/** The source positions of each output position along one axis: `(1 - fraction) * source[lower] + fraction * source[upper]`. */
export interface CornerTaps {
  /** Length of the source axis. */
  readonly source: number;
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly fraction: Float64Array;
}

/**
 * The taps of a bilinear resize with aligned corners (`align_corners` in PyTorch): `x = d * (source - 1) / (target -
 * 1)`. For the usual half-pixel rule see `linearTaps`.
 */
export function cornerTaps(source: number, target: number): CornerTaps {
  const scale = target > 1 ? (source - 1) / (target - 1) : 0;
  const lower = new Int32Array(target);
  const upper = new Int32Array(target);
  const fraction = new Float64Array(target);
  for (let d = 0; d < target; d++) {
    const x = Math.min(d * scale, source - 1);
    lower[d] = Math.floor(x);
    upper[d] = Math.min(lower[d]! + 1, source - 1);
    fraction[d] = x - lower[d]!;
  }
  return { source, lower, upper, fraction };
}
