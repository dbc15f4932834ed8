import { rangeOf } from "../kernels/range.js";
import type { Map2D } from "../tensor/tensor.js";

/** Returns the pixel `[x, y]` with the maximum of a map. If there are several, returns the first in row-major order. NaN is ignored. */
export function peakOf({ width, data }: Map2D): readonly [x: number, y: number] {
  // A map with only NaN has no maximum: the first pixel is returned.
  const best = Math.max(0, data.indexOf(rangeOf(data).high));
  return [best % width, Math.floor(best / width)];
}
