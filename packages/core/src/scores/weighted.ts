import { rowOf } from "../boxes/row-of.js";
import type { Predictions } from "../detector/detection.js";
import type { Box } from "../image/frame.js";
import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN, classesOf } from "./columns.js";
import { iouOnTape } from "./iou.js";
import type { PredictionView, Score, ScoreOptions, ScoreTarget } from "./score.js";
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
  const { tape } = view;
  const rows = rowsOf(view, target, options);
  if (rows.length === 0) return null;
  // The maximum IoU is 1, so exp stays finite without a shift.
  const exponentials = rows.map((row) => tape.exp(iouOnTape(view, target.boxInput, row)));
  const total = tape.sum(exponentials);
  return { rows, weights: exponentials.map((exponential) => tape.div(exponential, total)) };
}

function rowsOf(view: PredictionView, { boxInput, anyClass, classIndex }: ScoreTarget, { topk }: ScoreOptions) {
  const counts = (row: number): boolean =>
    view.isFiniteRow(row) && (anyClass === true || view.bestClass(row) === classIndex);
  return view.nearest(boxInput, topk).filter(counts);
}

/** Σ weight · (column of the row). */
export function weightedMean(view: PredictionView, { rows, weights }: WeightedRows, column: number): Scalar {
  const { tape } = view;
  return tape.sum(rows.map((row, i) => tape.mul(weights[i]!, view.at(row, column))));
}

type ColumnsOf = (target: ScoreTarget, predictions: Predictions) => readonly number[];

/** The columns of the scores that `meansScore` made. A copy of a score may have another `of`, so it is not here. */
const columnsOf = new WeakMap<Score, ColumnsOf>();

/** The logarithm of the product of the weighted means of some columns of the predictions. */
export function meansScore(names: Pick<Score, "id" | "aliases" | "title" | "refuse">, columns: ColumnsOf): Score {
  const score: Score = keepsNothing({
    ...names,
    missing: MIN_LOGARITHM,
    of(view, target, options) {
      const found = weightedRows(view, target, options);
      if (found === null) return null;
      const means = columns(target, view.predictions).map((column) => weightedMean(view, found, column));
      return view.tape.log(means.reduce((product, mean) => view.tape.mul(product, mean)));
    },
  });
  columnsOf.set(score, columns);
  return score;
}

/** Rows of predictions as plain numbers. */
export interface ValueView extends PredictionView {
  value(row: number, column: number): number;
  /** The IoU of a box and the box of a row. */
  iou(row: number, box: Box<"input">): number;
}

/** The term of a target without derivatives. For scores of weighted means it is computed without a tape, in the same order. */
export function termValue(view: ValueView, score: Score, target: ScoreTarget, options: ScoreOptions): number | null {
  const columns = columnsOf.get(score);
  if (columns === undefined) return score.of(view, target, options)?.value ?? null;
  const rows = rowsOf(view, target, options);
  if (rows.length === 0) return null;
  const shares = rows.map((row) => Math.exp(view.iou(row, target.boxInput)));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let product = 1;
  for (const column of columns(target, view.predictions)) {
    let mean = 0;
    for (let i = 0; i < rows.length; i++) mean += (shares[i]! / total) * view.value(rows[i]!, column);
    product *= mean;
  }
  return Math.log(product);
}

/** Returns true if no column of the row is NaN or infinite. */
export function isFiniteRow(predictions: Predictions, row: number): boolean {
  for (const value of rowOf(predictions, row)) if (!Number.isFinite(value)) return false;
  return true;
}

/** Returns the index of the most probable class of a finite row. At a tie, returns the first. */
export function bestClass(predictions: Predictions, row: number): number {
  const values = rowOf(predictions, row);
  const count = classesOf(predictions);
  let best = 0;
  for (let k = 1; k < count; k++) if (values[CLASS_COLUMN + k]! > values[CLASS_COLUMN + best]!) best = k;
  return best;
}
