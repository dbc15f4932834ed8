import { rowOf } from "../boxes/row-of.js";
import type { Predictions } from "../detector/detection.js";
import { CLASS_COLUMN, classesOf } from "./columns.js";
import { iouOnTape, nearestRows } from "./iou.js";
import type { PredictionView, ScoreOptions, ScoreTarget } from "./score.js";
import type { Scalar } from "./tape.js";

/** Stands for the logarithm of nothing, where the reference has −∞: log 1e-7. */
export const LEAST_LOGARITHM = Math.log(1e-7);

/** Rows that speak for a target, with weights that sum to 1. */
export interface WeightedRows {
  readonly rows: readonly number[];
  readonly weights: readonly Scalar[];
}

/**
 * The rows of a target: of the `topk` rows nearest to its box by IoU those whose most probable class is the target's
 * (objectness plays no part) and that are finite, weighted by softmax of their IoU at temperature 1. Null when no row is left.
 * The weights carry gradient into the rows' x, y, w, h. (The reference's "BoxScore2", yolov5 pull request 10649.)
 */
export function weightedRows(view: PredictionView, target: ScoreTarget, options: ScoreOptions): WeightedRows | null {
  const { tape, predictions } = view;
  const near = nearestRows(predictions, target.boxInput, options.topk);
  const rows = near.filter(
    (row) =>
      isFiniteRow(predictions, row) && (target.anyClass === true || bestClass(predictions, row) === target.classIndex),
  );
  if (rows.length === 0) return null;
  // An IoU is at most 1, so exp needs no shift to stay finite.
  const exponentials = rows.map((row) => tape.exp(iouOnTape(view, target.boxInput, row)));
  const total = tape.sum(exponentials);
  return { rows, weights: exponentials.map((exponential) => tape.div(exponential, total)) };
}

/** Σ weight · (column of the row). */
export function weightedMean(view: PredictionView, { rows, weights }: WeightedRows, column: number): Scalar {
  const { tape } = view;
  return tape.sum(rows.map((row, i) => tape.mul(weights[i]!, view.at(row, column))));
}

/** log of the weighted mean of one column, or null when no row speaks for the target. */
export function logWeightedMean(
  view: PredictionView,
  target: ScoreTarget,
  options: ScoreOptions,
  column: number,
): Scalar | null {
  const found = weightedRows(view, target, options);
  return found === null ? null : view.tape.log(weightedMean(view, found, column));
}

/** True when no column of the row is NaN or infinite. */
export function isFiniteRow(predictions: Predictions, row: number): boolean {
  const values = rowOf(predictions, row);
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return false;
  return true;
}

/** Index of the most probable class of a finite row, the first of equals. */
export function bestClass(predictions: Predictions, row: number): number {
  const values = rowOf(predictions, row).subarray(CLASS_COLUMN);
  const count = classesOf(predictions);
  let best = 0;
  for (let k = 1; k < count; k++) if (values[k]! > values[best]!) best = k;
  return best;
}
