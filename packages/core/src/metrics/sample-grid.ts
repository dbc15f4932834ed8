import type { Map2D } from "../tensor/tensor.js";
import type { MetricBox } from "./metric.js";

/** Number of points along each side of a cell. */
const POINTS = 4;

/**
 * Samples a map over a box of any position and size. Returns `cells × cells` numbers, row-major. A cell is the mean of the pixels at those of its 4 × 4
 * points that are on the map, or 0 if none is. Grids of boxes with different sizes can be averaged cell by cell.
 */
export function sampleGrid({ height, width, data }: Map2D, { x1, y1, x2, y2 }: MetricBox, cells: number): Float32Array {
  const grid = new Float32Array(cells * cells);
  const columns = pointsAlong(x1, x2, cells, width);
  const rows = pointsAlong(y1, y2, cells, height);
  for (let i = 0; i < grid.length; i++) {
    const row = Math.floor(i / cells) * POINTS;
    const column = (i % cells) * POINTS;
    let sum = 0;
    let count = 0;
    for (let r = row; r < row + POINTS; r++) {
      const y = rows[r]!;
      if (y < 0) continue;
      for (let c = column; c < column + POINTS; c++) {
        const x = columns[c]!;
        if (x < 0) continue;
        sum += data[y * width + x]!;
        count++;
      }
    }
    if (count > 0) grid[i] = sum / count;
  }
  return grid;
}

/** Returns the pixel at each point, or −1 for a point outside the map. */
function pointsAlong(low: number, high: number, cells: number, limit: number): Int32Array {
  const step = (high - low) / (cells * POINTS);
  return Int32Array.from({ length: cells * POINTS }, (_, i) => {
    const pixel = Math.floor(low + (i + 0.5) * step);
    return pixel >= 0 && pixel < limit ? pixel : -1;
  });
}
