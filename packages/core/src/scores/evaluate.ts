import { tableValue } from "../boxes/row-of.js";
import type { Predictions } from "../detector/detection.js";
import { WhyboxError } from "../errors.js";
import { extraStart } from "./columns.js";
import { iouOfRow, nearestRows, withBoxTable } from "./iou.js";
import { type MaskMean, maskMean } from "./mask.js";
import { plainTape } from "./plain-tape.js";
import type { PredictionView, PrototypeGradient, Score, ScoreOptions, ScoreResult, ScoreTarget } from "./score.js";
import { createTape, type Scalar, type Tape } from "./tape.js";
import { bestClass, isFiniteRow, termValue, type ValueView } from "./weighted.js";

/**
 * Evaluates a score over several targets: the sum of the targets' terms, and d score / d predictions as rows. A target whose term is
 * undefined (no row has its class, or the logarithm of zero) has the term null. It adds nothing to the value and the gradient.
 *
 * @throws usage when `topk` is not a positive integer.
 * @throws internal when the predictions' length does not match their shape.
 */
export function evaluateScore(
  score: Score,
  predictions: Predictions,
  targets: readonly ScoreTarget[],
  options: ScoreOptions,
): ScoreResult {
  const { view, terms, total } = termsOf(score, predictions, targets, options);
  const slopes = view.tape.gradient(total);
  return {
    value: total.value,
    terms: terms.map((term) => term?.value ?? null),
    ...sparseGradient(view, slopes),
    prototypes: prototypeGradients(view, slopes),
  };
}

/** Returns the value without its gradient. A missing term counts as the score's `missing` value, or as 0 by default. */
export function scoreValue(
  score: Score,
  predictions: Predictions,
  targets: readonly ScoreTarget[],
  options: ScoreOptions,
): number {
  checkArguments(predictions, options);
  return valueOn(createView(plainTape, withBoxTable(predictions)), score, targets, options);
}

/** Returns the value of a score on a view. */
export function valueOn(view: ValueView, score: Score, targets: readonly ScoreTarget[], options: ScoreOptions): number {
  let sum = 0;
  for (const target of targets) {
    const term = termValue(view, score, target, options);
    sum += term !== null && Number.isFinite(term) ? term : (score.missing ?? 0);
  }
  return sum;
}

/**
 * Returns the Hessian of a score times a tangent of the predictions, as rows: the derivative of the gradient when the predictions change by
 * `tangent` (`[R, C]`, like the predictions).
 */
export function scoreHessianVector(
  score: Score,
  predictions: Predictions,
  targets: readonly ScoreTarget[],
  options: ScoreOptions,
  tangent: Float32Array,
): Pick<ScoreResult, "rows" | "gradient"> {
  const { view, total } = termsOf(score, predictions, targets, options);
  const positions = new Map([...view.leaves].map(([position, leaf]) => [leaf.id, position]));
  return sparseGradient(
    view,
    view.tape.hessianVector(total, (id) => tangent[positions.get(id)!] ?? 0),
  );
}

function termsOf(score: Score, predictions: Predictions, targets: readonly ScoreTarget[], options: ScoreOptions) {
  checkArguments(predictions, options);
  const view = createView(createTape(), withBoxTable(predictions));
  const terms = termsOn(view, score, targets, options);
  return { view, terms, total: view.tape.sum(terms.filter((term) => term !== null)) };
}

function termsOn(view: PredictionView, score: Score, targets: readonly ScoreTarget[], options: ScoreOptions) {
  return targets.map((target) => {
    const term = score.of(view, target, options);
    return term !== null && Number.isFinite(term.value) ? term : null;
  });
}

function checkArguments(predictions: Predictions, { topk }: ScoreOptions): void {
  if (!Number.isInteger(topk) || topk < 1) {
    throw new WhyboxError("usage", `topk is ${topk}, expected a whole number of prediction rows, 1 or more.`, {
      details: { topk },
    });
  }
  const { rows, columns } = predictions;
  if (predictions.row === undefined && rows * columns !== predictions.data.length) {
    const found = predictions.data.length;
    throw new WhyboxError("internal", `Predictions of ${rows} rows × ${columns} columns hold ${found} values.`);
  }
}

interface LeafView extends ValueView {
  /** Leaves by their position in the predictions' data. */
  readonly leaves: ReadonlyMap<number, Scalar>;
  readonly masks: readonly MaskTerm[];
}

/** Adds a mean mask probability to the tape. */
interface MaskTerm {
  readonly scalar: Scalar;
  readonly cells: readonly number[];
  readonly mean: MaskMean;
}

function createView(tape: Tape, predictions: Predictions): LeafView {
  const leaves = new Map<number, Scalar>();
  const { columns } = predictions;
  const value = (row: number, column: number): number =>
    column < columns ? (tableValue(predictions, row, column) ?? Number.NaN) : Number.NaN;
  const at = (row: number, column: number): Scalar => {
    if (tape === plainTape) return tape.constant(value(row, column));
    const position = row * columns + column;
    let leaf = leaves.get(position);
    if (leaf === undefined) {
      leaf = tape.leaf(value(row, column));
      leaves.set(position, leaf);
    }
    return leaf;
  };
  const masks: MaskTerm[] = [];
  const maskProbability = (row: number, cells: readonly number[]): Scalar => {
    const mean = maskMean(predictions, row, cells);
    const first = extraStart(predictions);
    const coefficients = mean.coefficients.map((_, e) => at(row, first + e));
    const scalar = tape.computed(mean.value, coefficients, mean.coefficientSlopes);
    masks.push({ scalar, cells, mean });
    return scalar;
  };
  return {
    ...{ tape, predictions, at, value, maskProbability, leaves, masks },
    iou: (row, box) => iouOfRow(predictions, row, box),
    nearest: (box, count) => nearestRows(predictions, box, count),
    isFiniteRow: (row) => isFiniteRow(predictions, row),
    bestClass: (row) => bestClass(predictions, row),
  };
}

function prototypeGradients({ masks }: LeafView, slopes: Float64Array): PrototypeGradient[] {
  return masks.flatMap(({ scalar, cells, mean }) => {
    const flow = slopes[scalar.id] ?? 0;
    if (flow === 0) return [];
    return [{ coefficients: mean.coefficients, cells, slopes: mean.cellSlopes.map((slope) => flow * slope) }];
  });
}

/** Returns the rows with a nonzero derivative in ascending order, each with all columns. */
function sparseGradient(view: LeafView, slopes: Float64Array): Pick<ScoreResult, "rows" | "gradient"> {
  const { columns } = view.predictions;
  const live = [...view.leaves].filter(([, leaf]) => slopes[leaf.id] !== 0);
  const rows = [...new Set(live.map(([position]) => Math.floor(position / columns)))].sort((a, b) => a - b);
  const place = new Map(rows.map((row, i) => [row, i]));
  const gradient = new Float64Array(rows.length * columns);
  for (const [position, leaf] of live) {
    const row = Math.floor(position / columns);
    gradient[place.get(row)! * columns + (position - row * columns)] = slopes[leaf.id]!;
  }
  return { rows, gradient };
}
