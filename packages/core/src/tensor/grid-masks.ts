import { createRandom } from "./random.js";
import { linearTaps } from "./resample.js";

/** What a set of random masks is made of. */
export interface GridMaskOptions {
  /** `[h, w]` of the masks in pixels. */
  readonly size: readonly [height: number, width: number];
  /** Cells along either side. */
  readonly cells: number;
  /** Probability that a cell is kept. */
  readonly keep: number;
  readonly seed: number;
}

/**
 * Random smooth masks, 0..1: a grid of `cells × cells` kept or dropped cells, enlarged (bilinear) to `(cells + 1) · ⌈size / cells⌉` pixels, of which a window of
 * `size` at a random offset of less than a cell is cut. Petsiuk, Das and Saenko, "RISE", BMVC 2018, section 3.2.
 * @returns a function that writes all of mask `i`, `[H, W]` row-major; mask `i` depends on the seed and `i` alone.
 */
export function gridMasks({ size, cells, keep, seed }: GridMaskOptions): (i: number, into: Float32Array) => void {
  const [H, W] = size;
  const cellHeight = Math.ceil(H / cells);
  const cellWidth = Math.ceil(W / cells);
  const rows = linearTaps(cells, (cells + 1) * cellHeight);
  const columns = linearTaps(cells, (cells + 1) * cellWidth);
  const grid = new Float32Array(cells * cells);
  const wide = new Float32Array(cells * W);
  return (i, into) => {
    const random = createRandom(seed, i);
    const top = Math.floor(random.uniform() * cellHeight);
    const left = Math.floor(random.uniform() * cellWidth);
    for (let cell = 0; cell < grid.length; cell++) grid[cell] = random.uniform() < keep ? 1 : 0;
    for (let row = 0; row < cells; row++) {
      for (let x = 0; x < W; x++) {
        const low = grid[row * cells + columns.lower[left + x]!]!;
        const high = grid[row * cells + columns.upper[left + x]!]!;
        wide[row * W + x] = low + columns.fraction[left + x]! * (high - low);
      }
    }
    for (let y = 0, at = 0; y < H; y++) {
      const above = rows.lower[top + y]! * W;
      const below = rows.upper[top + y]! * W;
      const down = rows.fraction[top + y]!;
      for (let x = 0; x < W; x++, at++) {
        const low = wide[above + x]!;
        into[at] = low + down * (wide[below + x]! - low);
      }
    }
  };
}
