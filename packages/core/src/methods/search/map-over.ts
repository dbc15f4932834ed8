import type { Map2D } from "../../tensor/tensor.js";
import type { Blends } from "../method.js";
import type { Cells, Grid } from "./grid.js";
import type { Hunted } from "./hunt.js";

/** How fast the heat falls with the area that is hotter, in boxes: a third of the box has half of the heat. */
const FALL = 2;
/** Heat of the coldest pixel of the grid. It leaves room for the order of the pixels outside. */
const FAINT = 1e-3;

/**
 * The map over the input. The order of the cells decides: where an area of `s` boxes is hotter, the heat is `exp(−2s)`, less what the coldest cell would have. Outside the grid it is colder than
 * inside, in the order of `around`. The padding is 0. Without cells all of it is 0.
 */
export function mapOver(
  { size, part, box }: Blends,
  grid: Grid,
  { cells, around }: Pick<Hunted, "cells" | "around">,
): Map2D {
  const [height, width] = size;
  const data = new Float32Array(height * width);
  if (cells === undefined) return { height, width, data };
  const heat = heatOf(grid, box, cells);
  let most = -Number.MAX_VALUE;
  for (let y = part.top; y < part.top + part.height; y++) {
    for (let x = part.left; x < part.left + part.width; x++) {
      if (!grid.contains(x, y)) most = Math.max(most, around[y * width + x]!);
    }
  }
  for (let i = 0; i < data.length; i++) data[i] = FAINT * Math.exp(Math.min(0, around[i]! - most));
  for (let y = 0; y < grid.height; y++) {
    const row = heat.subarray(y * grid.width, (y + 1) * grid.width);
    data.set(row, (grid.top + y) * width + grid.left);
  }
  return { height, width, data };
}

/** The heat of each pixel of the grid: between two cells it changes linearly with the value. */
function heatOf(grid: Grid, { x1, y1, x2, y2 }: Blends["box"], cells: Cells): Float32Array {
  const boxes = (grid.height * grid.width) / Math.max(1, (x2 - x1) * (y2 - y1));
  const sorted = Float32Array.from(cells).sort();
  const count = sorted.length;
  const heatAt = (i: number): number => Math.exp((-FALL * boxes * (count - 1 - i)) / count);
  const least = count > 1 ? heatAt(0) : 0;
  const levels = sorted.map((_, i) => FAINT + ((1 - FAINT) * (heatAt(i) - least)) / (1 - least));
  return grid.pixelsOf(cells).data.map((value) => {
    let [low, high] = [0, count - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! <= value) low = middle;
      else high = middle;
    }
    const span = sorted[high]! - sorted[low]!;
    const share = span > 0 ? Math.min(1, Math.max(0, (value - sorted[low]!) / span)) : 1;
    return levels[low]! + share * (levels[high]! - levels[low]!);
  });
}
