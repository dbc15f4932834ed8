import { createRandom } from "../../algebra/random.js";
import { ridgeWeights } from "../../algebra/ridge-weights.js";
import { resizeBilinear } from "../../kernels/resample.js";
import type { Blends } from "../method.js";
import { type Cells, type Grid, standard } from "./grid.js";
import { blurredOf } from "./trials.js";

/** About so many regions. */
const REGIONS = 30;
/** Pulls effects to zero that few images show. */
const RIDGE = 2;
/** Images between two checks of the time; even. */
const BLOCK = 8;

/**
 * The images. `alone`: the chosen regions are sharp, all else is blurred. `surrounded`: the other regions are blurred, all else is sharp. `removed`: the other regions have the mean colour, all else is as it is.
 */
export const regionKinds = ["alone", "surrounded", "removed"] as const;

export interface RegionOptions {
  readonly kind: (typeof regionKinds)[number];
  /** Number of images; even. */
  readonly images: number;
  readonly seed: number;
  /** Whether the search has to end. */
  isOver(): boolean;
}

/**
 * How much each region of the grid adds to the support, from images that keep a random half of the regions. Each image is followed by its complement
 * (antithetic pairs): the number of regions has no effect. The effects are a linear fit of the support.
 */
export async function regionEffects(blends: Blends, grid: Grid, options: RegionOptions): Promise<Cells> {
  const { kind, images, seed, isOver } = options;
  const side = (own: number, other: number): number =>
    Math.min(own, Math.max(1, Math.round(Math.sqrt((REGIONS * own) / other))));
  const [rows, columns] = [side(grid.height, grid.width), side(grid.width, grid.height)];
  const first = regionKinds.indexOf(kind) * images;
  const subsets = Array.from({ length: images / 2 }, (_, i) => halfOf(rows * columns, seed, first + i)).flatMap(
    (chosen) => [chosen, chosen.map((value) => 1 - value)],
  );
  const blend = { from: kind === "removed" ? blends.mean() : blurredOf(blends), to: blends.input };
  const values: number[] = [];
  for (let start = 0; start < subsets.length && !isOver(); start += BLOCK) {
    const some = subsets.slice(start, start + BLOCK);
    const fill = (i: number, into: Float32Array): void => {
      into.fill(kind === "alone" ? 0 : 1);
      for (let y = 0; y < grid.height; y++) {
        const row = Math.floor((y * rows) / grid.height) * columns;
        const at = (grid.top + y) * blends.size[1] + grid.left;
        for (let x = 0; x < grid.width; x++) {
          into[at + x] = some[i]![row + Math.floor((x * columns) / grid.width)]!;
        }
      }
    };
    values.push(...(await blends.strengths(blend, some.length, fill)));
  }
  const data = Float32Array.from(ridgeWeights(subsets.slice(0, values.length), values, RIDGE));
  if (data.length === 0) return grid.cellsOf(() => 0);
  return standard(
    Float64Array.from(resizeBilinear({ height: rows, width: columns, data }, grid.rows, grid.columns).data),
  );
}

/** A random half of `count` regions: 1 if the region is chosen. */
function halfOf(count: number, seed: number, stream: number): Uint8Array {
  const random = createRandom(seed, stream);
  const keys = Float64Array.from({ length: count }, () => random.uniform());
  const order = Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
  const chosen = new Uint8Array(count);
  for (const region of order.slice(0, Math.round(count / 2))) chosen[region] = 1;
  return chosen;
}
