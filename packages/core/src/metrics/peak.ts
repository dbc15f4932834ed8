import type { Map2D } from "../tensor/tensor.js";

/** The hottest pixel `[x, y]` of a map, the first in reading order where several are. */
export function peakOf({ width, data }: Map2D): readonly [x: number, y: number] {
  let best = 0;
  let high = data[0]!;
  for (let i = 1; i < data.length; i++) {
    const value = data[i]!;
    if (value > high) [best, high] = [i, value];
  }
  return [best % width, Math.floor(best / width)];
}
