import type { Predictions } from "../detector/detection.js";
import { CLASS_COLUMN, classesOf } from "./columns.js";
import { iouOnTape, nearestRows } from "./iou.js";
import type { PredictionView, ScoreOptions, ScoreTarget } from "./score.js";
import type { Scalar } from "./tape.js";

/** Replaces the logarithm of zero, where the reference has −∞: log 1e-7. */
export const MIN_LOGARITHM = Math.log(1e-7);

/** The rows of a target, and their weights. The sum of the weights is 1. */
export interface WeightedRows {
  readonly rows: readonly number[];
  readonly weights: readonly Scalar[];
}

/**
 * Returns the rows of a target. Of the `topk` rows with the highest IoU, it takes the finite rows whose most probable class is the target's class
 * (objectness is not used). The weights are the softmax of their IoU at temperature 1. Returns null when no row is left. The gradient flows through
 * the weights into the rows' x, y, w, h. (The reference's "BoxScore2", yolov5 pull request 10649.)
 */
export function weightedRows(view: PredictionView, target: ScoreTarget, options: ScoreOptions): WeightedRows | null {
  const { tape, predictions } = view;
  const near = nearestRows(predictions, target.boxInput, options.topk);
  const rows = near.filter(
    (row) =>
      isFiniteRow(predictions, row) && (target.anyClass === true || bestClass(predictions, row) === target.classIndex),
  );
  if (rows.length === 0) return null;
  // The maximum IoU is 1, so exp stays finite without a shift.
  const exponentials = rows.map((row) => tape.exp(iouOnTape(view, target.boxInput, row)));
  const total = tape.sum(exponentials);
  return { rows, weights: exponentials.map((exponential) => tape.div(exponential, total)) };
}

/** Σ weight · (column of the row). */
export function weightedMean(view: PredictionView, { rows, weights }: WeightedRows, column: number): Scalar {
  const { tape } = view;
  return tape.sum(rows.map((row, i) => tape.mul(weights[i]!, view.at(row, column))));
}

/** Returns the log of the weighted mean of one column. Returns null when the target has no rows. */
export function logWeightedMean(
  view: PredictionView,
  target: ScoreTarget,
  options: ScoreOptions,
  column: number,
): Scalar | null {
  const found = weightedRows(view, target, options);
  return found === null ? null : view.tape.log(weightedMean(view, found, column));
}

/** Returns true if no column of the row is NaN or infinite. */
export function isFiniteRow(predictions: Predictions, row: number): boolean {
  const { data, columns } = predictions;
  for (let i = row * columns; i < (row + 1) * columns; i++) if (!Number.isFinite(data[i]!)) return false;
  return true;
}

/** Returns the index of the most probable class of a finite row. At a tie, returns the first. */
export function bestClass(predictions: Predictions, row: number): number {
  const { data, columns } = predictions;
  const first = row * columns + CLASS_COLUMN;
  const count = classesOf(predictions);
  let best = 0;
  for (let k = 1; k < count; k++) if (data[first + k]! > data[first + best]!) best = k;
  return best;
}
