import type { Map2D, Tensor } from "../tensor/tensor.js";
import { type Kernels, kernels } from "./memory.js";
import { FREE_AT } from "./range.js";

/** Number of floats per kernel call, or four channels if they are larger. They fit into the cache of a core. */
const PIECE = 16384;

/**
 * Returns `Σ_c weights[c] · values[c, h, w]` of a tensor `[C, H, W]`. The sum is computed in float64. A channel with weight zero is skipped, even if
 * it contains NaN or infinity.
 */
export function weightedSum(values: Tensor, weights: ArrayLike<number>): Map2D {
  const [C, height, width] = values.dims as [number, number, number];
  const { data } = values;
  const cells = height * width;
  const used = Array.from({ length: C }, (_, c) => c).filter((c) => weights[c] !== 0);
  // Four channels at a time, so that the sum is read and written less often.
  const fours = used.splice(0, used.length - (used.length % 4));
  const found = kernels();
  const sum = (found && addFours(found, data, cells, weights, fours)) ?? addFoursScalar(data, cells, weights, fours);
  for (const c of used) {
    const [weight, start] = [weights[c]!, c * cells];
    for (let i = 0; i < cells; i++) sum[i]! += weight * data[start + i]!;
  }
  return { height, width, data: new Float32Array(sum) };
}

/**
 * Gives the same bits as `addFoursScalar`. The sum is in the kernels' memory and is valid until the next call. Returns undefined without computing
 * anything when four channels do not fit into that memory.
 */
export function addFours(
  { doubles, floats, addRows }: Kernels,
  data: Float32Array,
  cells: number,
  weights: ArrayLike<number>,
  channels: readonly number[],
): Float64Array | undefined {
  const step = 4 * Math.max(1, Math.floor(PIECE / (4 * cells)));
  const weightsAt = FREE_AT / 8;
  const sumAt = weightsAt + step;
  const from = 2 * (sumAt + cells + 1);
  if (from + step * cells >= floats.length) return undefined;
  const sum = doubles.subarray(sumAt, sumAt + cells).fill(0);
  for (let n = 0; n < channels.length; n += step) {
    const some = channels.slice(n, n + step);
    for (const [place, c] of some.entries()) {
      doubles[weightsAt + place] = weights[c]!;
      floats.set(data.subarray(c * cells, (c + 1) * cells), from + place * cells);
    }
    addRows(4 * from, 4 * cells, 8 * weightsAt, some.length / 4, 8 * sumAt);
  }
  return sum;
}

export function addFoursScalar(
  data: Float32Array,
  cells: number,
  weights: ArrayLike<number>,
  channels: readonly number[],
): Float64Array {
  const sum = new Float64Array(cells);
  for (let n = 0; n < channels.length; n += 4) {
    const [a, b, c, d] = channels.slice(n, n + 4) as [number, number, number, number];
    const [weightA, weightB, weightC, weightD] = [weights[a]!, weights[b]!, weights[c]!, weights[d]!];
    const [atA, atB, atC, atD] = [a * cells, b * cells, c * cells, d * cells];
    for (let i = 0; i < cells; i++) {
      sum[i]! +=
        weightA * data[atA + i]! + weightB * data[atB + i]! + (weightC * data[atC + i]! + weightD * data[atD + i]!);
    }
  }
  return sum;
}
