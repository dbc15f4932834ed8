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
  for (let c = 0; c < C; c++) {
    const weight = weights[c]!;
    if (weight === 0) continue;
    const start = c * cells;
    for (let i = 0; i < cells; i++) sum[i]! += weight * data[start + i]!;
  }
  return { height: H, width: W, data: new Float32Array(sum) };
}
