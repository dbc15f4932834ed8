import type { Map2D } from "../../tensor/tensor.js";
import type { Blends } from "../method.js";
import { SHARES } from "./cost.js";
import { type Cells, type Grid, standard } from "./grid.js";
import { blurredOf } from "./trials.js";

/** Softness of the masks, as a share of the standard deviation of the map. */
const SOFTNESS = 0.08;
/** Gradients are smoothed by so many cells. */
const SMOOTHING = 1.5;
/** Weight of a share whose support does not change. */
const LEAST = 0.1;

/** What a path runs over. */
export interface PathRequest {
  readonly blends: Blends;
  readonly grid: Grid;
  /** The map whose hottest pixels are kept or removed. */
  readonly cells: Cells;
  /** Called with each gradient on the mask, over the input, in the direction that makes a map better. */
  each(gradient: Map2D): void;
}

/**
 * The gradients of the support on the masks of insertion and deletion along the path of a map: where a mask that is a little larger would help, and
 * where it would hurt. A share counts more if its support can still change.
 */
export async function pathGradients({
  blends,
  grid,
  cells,
  each,
}: PathRequest): Promise<{ readonly insertion: Cells; readonly deletion: Cells }> {
  const sums = { insertion: cells.map(() => 0), deletion: cells.map(() => 0) };
  for (const share of SHARES) {
    const mask = softMask(blends, grid, { cells, share });
    for (const kind of ["insertion", "deletion"] as const) {
      const { gradient, support } = await maskGradient(blends, mask, kind);
      each(gradient);
      const own = grid.smooth(grid.meansOf(gradient), SMOOTHING);
      const size = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) / own.length);
      if (!(size > 0 && Number.isFinite(size))) continue;
      const weight = (kind === "insertion" ? 1 - support : support) + LEAST;
      for (let i = 0; i < own.length; i++) sums[kind][i]! += (weight * own[i]!) / size;
    }
  }
  return { insertion: standard(sums.insertion), deletion: standard(sums.deletion) };
}

/** Near 1 at the hottest pixels, a share of the area of the box, and near 0 elsewhere. */
function softMask(
  { size: [height, width] }: Blends,
  grid: Grid,
  { cells, share }: { readonly cells: Cells; readonly share: number },
): Float32Array {
  const { x1, y1, x2, y2 } = grid.box;
  const { data } = grid.pixelsOf(cells);
  const sorted = data.slice().sort();
  const count = Math.round(share * (x2 - x1) * (y2 - y1));
  const least = sorted[Math.max(0, sorted.length - 1 - count)]!;
  const mean = cells.reduce((sum, value) => sum + value, 0) / cells.length;
  const spread = Math.sqrt(cells.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cells.length);
  const scale = SOFTNESS * spread || 1;
  const mask = new Float32Array(height * width);
  for (let i = 0; i < data.length; i++) {
    const at = (grid.top + Math.floor(i / grid.width)) * width + grid.left + (i % grid.width);
    mask[at] = 1 / (1 + Math.exp((least - data[i]!) / scale));
  }
  return mask;
}

/** The gradient of the support by each pixel of the mask, in the direction that insertion and deletion want, and the support itself. */
async function maskGradient(blends: Blends, mask: Float32Array, kind: "insertion" | "deletion") {
  const { input, mean } = blends;
  const [height, width] = blends.size;
  const [from, to] = kind === "insertion" ? [blurredOf(blends), input] : [input, mean()];
  const { score, gradient } = await blends.gradientAt(
    from.map((value, i) => value + mask[i % mask.length]! * (to[i]! - value)),
  );
  const sign = kind === "insertion" ? 1 : -1;
  const data = new Float32Array(mask.length);
  for (let i = 0; i < from.length; i++) data[i % data.length]! += sign * gradient.data[i]! * (to[i]! - from[i]!);
  return { gradient: { height, width, data }, support: Math.exp(Math.min(score, 0)) };
}
