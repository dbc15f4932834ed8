import { rangeOf } from "../kernels/range.js";
import type { Map2D } from "../tensor/tensor.js";

/** The hottest pixel `[x, y]` of a map, the first in reading order where several are. NaN is passed over. */
export function peakOf({ width, data }: Map2D): readonly [x: number, y: number] {
  // A map of nothing but NaN has none.
  const best = Math.max(0, data.indexOf(rangeOf(data).high));
  return [best % width, Math.floor(best / width)];
}
