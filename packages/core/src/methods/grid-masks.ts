import { createRandom } from "../algebra/random.js";
import { linearTaps } from "../kernels/linear-taps.js";

export interface GridMaskOptions {
  /** `[h, w]` of the masks in pixels. */
  readonly size: readonly [height: number, width: number];
  /** Number of cells along each side. */
  readonly cells: number;
  /** Probability that a cell is kept. */
  readonly keep: number;
  readonly seed: number;
}

export interface GridMasks {
  /** Writes all of mask `i`, `[H, W]` row-major; it depends on the seed and `i` alone. */
  write(i: number, into: Float32Array): void;
  /** Starts an empty sum over masks. */
  sums(): GridMaskSums;
}

/** Sums over masks. Adding a mask costs only its grid; the pixels are computed when the sums are read. */
export interface GridMaskSums {
  add(i: number, weight: number): void;
  /** `Σ M_i` and `Σ weight_i · M_i`, each `[H, W]` row-major. */
  read(): { readonly masks: Float64Array; readonly weighted: Float64Array };
}

/**
 * Random smooth masks, 0..1: a grid of `cells × cells` kept or dropped cells, enlarged (bilinear) to `(cells + 1) · ⌈size /
 * cells⌉` pixels, from which a window of `size` is cropped at a random offset of less than a cell. Petsiuk, Das and Saenko, "RISE",
 * BMVC 2018, section 3.2.
 */
export function gridMasks({ size, cells, keep, seed }: GridMaskOptions): GridMasks {
  const [H, W] = size;
  const cellHeight = Math.ceil(H / cells);
  const cellWidth = Math.ceil(W / cells);
  const rows = linearTaps(cells, (cells + 1) * cellHeight);
  const columns = linearTaps(cells, (cells + 1) * cellWidth);
  const grid = new Float32Array(cells * cells);
  /** The grid enlarged along its rows only, `[cells, W]`. */
  const wide = new Float32Array(cells * W);
  const drawWide = (i: number): number => {
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
    return top;
  };
  /** Adds to `into` a wide grid (from `start` on) enlarged along its columns, from row `top` on. */
  const addEnlarged = <T extends Float32Array | Float64Array>(from: T, start: number, top: number, into: T): void => {
    for (let y = 0, at = 0; y < H; y++) {
      const above = start + rows.lower[top + y]! * W;
      const below = start + rows.upper[top + y]! * W;
      const down = rows.fraction[top + y]!;
      for (let x = 0; x < W; x++, at++) {
        const low = from[above + x]!;
        into[at]! += low + down * (from[below + x]! - low);
      }
    }
  };
  return {
    write(i, into) {
      into.fill(0);
      addEnlarged(wide, 0, drawWide(i), into);
    },
    // Enlarging is linear, so masks with the same vertical offset are summed before it: one wide grid per offset.
    sums() {
      const masks = new Float64Array(cellHeight * wide.length);
      const weighted = new Float64Array(masks.length);
      const read = (from: Float64Array): Float64Array => {
        const total = new Float64Array(H * W);
        for (let top = 0; top < cellHeight; top++) addEnlarged(from, top * wide.length, top, total);
        return total;
      };
      return {
        add(i, weight) {
          const start = drawWide(i) * wide.length;
          for (let at = 0; at < wide.length; at++) {
            masks[start + at]! += wide[at]!;
            weighted[start + at]! += weight * wide[at]!;
          }
        },
        read: () => ({ masks: read(masks), weighted: read(weighted) }),
      };
    },
  };
}
