import type { Map2D, Tensor } from "./tensor.js";

/**
 * `Σ_c weights[c] · values[c, h, w]` of a tensor `[C, H, W]`, added up in float64. A weight of zero leaves its channel out,
 * whatever it holds.
 */
export function weightedSum(values: Tensor, weights: ArrayLike<number>): Map2D {
  const [C, H, W] = values.dims as [number, number, number];
  const { data } = values;
  const cells = H * W;
  const sum = new Float64Array(cells);
  const used = Array.from({ length: C }, (_, c) => c).filter((c) => weights[c] !== 0);
  const pairs = used.length - (used.length % 2);
  // Two channels at a time: the sum is read and written half as often.
  for (let n = 0; n < pairs; n += 2) {
    const weightA = weights[used[n]!]!;
    const weightB = weights[used[n + 1]!]!;
    const a = used[n]! * cells;
    const b = used[n + 1]! * cells;
    for (let i = 0; i < cells; i++) sum[i]! += weightA * data[a + i]! + weightB * data[b + i]!;
  }
  if (used.length > pairs) {
    const weight = weights[used[pairs]!]!;
    const start = used[pairs]! * cells;
    for (let i = 0; i < cells; i++) sum[i]! += weight * data[start + i]!;
  }
  return { height: H, width: W, data: new Float32Array(sum) };
}
