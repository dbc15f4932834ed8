import type { Predictions } from "../detector/detection.js";
import { SparsePredictions } from "../detector/sparse/sparse-predictions.js";
import { invariant } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Seed } from "./evidence.js";
import type { HeadEnd } from "./plan.js";

/**
 * The gradient at the map that a level of a sparse head reads, `[C, h, w]`, or of its channels the means and behind them the largest absolute value,
 * `[C + 1]`. All rows of the seed that reach the map are the level's own: each carries gradient to the one cell that it is computed from, `Wᵀ g`
 * with the weights of the prediction convolution.
 * @param boxes d score / d the level's channels of boxes and objectness, `[anchors · 5, h, w]`.
 */
export function gradientAtHead(end: HeadEnd, predictions: Predictions, { rows }: Seed, boxes: Float32Array): Tensor {
  invariant(predictions instanceof SparsePredictions, "a gradient that ends at the head is one of sparse predictions");
  const [, C, h, w] = predictions.mapDims(end.level) as [number, number, number, number];
  const cells = new Map<number, Float64Array>();
  for (const [row, gradient] of rows) {
    if (predictions.levelOf(row) !== end.level) continue;
    const { cell, values } = predictions.carryBack(row, gradient, boxes);
    const sum = cells.get(cell);
    if (sum === undefined) cells.set(cell, values);
    else for (let c = 0; c < C; c++) sum[c]! += values[c]!;
  }
  return end.means ? meansAndLargest(cells, C, h * w) : dense(cells, [C, h, w]);
}

function meansAndLargest(cells: ReadonlyMap<number, Float64Array>, channels: number, size: number): Tensor {
  const sums = new Float64Array(channels);
  let largest = 0;
  for (const values of cells.values()) {
    for (let c = 0; c < channels; c++) {
      sums[c]! += values[c]!;
      largest = Math.max(largest, Math.abs(values[c]!));
    }
  }
  const data = new Float32Array(channels + 1);
  for (let c = 0; c < channels; c++) data[c] = sums[c]! / size;
  data[channels] = largest;
  return { dims: [channels + 1], data };
}

function dense(cells: ReadonlyMap<number, Float64Array>, dims: readonly [C: number, h: number, w: number]): Tensor {
  const [C, h, w] = dims;
  const data = new Float32Array(C * h * w);
  for (const [cell, values] of cells) for (let c = 0; c < C; c++) data[c * h * w + cell] = values[c]!;
  return { dims, data };
}
