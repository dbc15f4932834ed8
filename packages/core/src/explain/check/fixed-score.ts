import { rowOf } from "../../boxes/row-of.js";
import { keepsNothing } from "../../keeps-nothing.js";
import { CLASS_COLUMN, classesOf } from "../../scores/columns.js";
import type { PredictionView, Score, ScoreOptions, ScoreTarget } from "../../scores/score.js";

/**
 * The rows of one detection, found on the original image and network. All later scores read the same rows: with random weights no row is near the box, and
 * none has its class.
 */
export class FixedRows {
  #found: { readonly rows: readonly number[]; readonly otherClass: number | undefined } | undefined;

  /** The most probable class of the box besides its own. Undefined if there is no other class. */
  get otherClass(): number | undefined {
    return this.#found?.otherClass;
  }

  /** The score on the fixed rows. Its first evaluation must be on the original image. */
  score(score: Score): Score {
    return keepsNothing({
      ...score,
      // The rows keep their numbers only if all rows are kept.
      readsAllRows: true,
      of: (view: PredictionView, target: ScoreTarget, options: ScoreOptions) => {
        this.#found ??= findRows(view, target, options);
        return score.of(withRows(view, this.#found.rows, target.classIndex), target, options);
      },
    });
  }
}

/** A view in which only these rows are near, and are of this class. */
function withRows(view: PredictionView, rows: readonly number[], classIndex: number): PredictionView {
  return {
    ...{ tape: view.tape, predictions: view.predictions },
    at: (row, column) => view.at(row, column),
    maskProbability: (row, cells) => view.maskProbability(row, cells),
    isFiniteRow: (row) => view.isFiniteRow(row),
    nearest: () => rows,
    bestClass: () => classIndex,
  };
}

function findRows(view: PredictionView, { boxInput, classIndex, row, anyClass }: ScoreTarget, { topk }: ScoreOptions) {
  const counts = (one: number) => view.isFiniteRow(one) && (anyClass === true || view.bestClass(one) === classIndex);
  const values = rowOf(view.predictions, row);
  const classes = Array.from({ length: classesOf(view.predictions) }, (_, k) => k).filter((k) => k !== classIndex);
  const probability = (k: number) => values[CLASS_COLUMN + k]!;
  const otherClass = classes.reduce<number | undefined>(
    (best, k) => (best === undefined || probability(k) > probability(best) ? k : best),
    undefined,
  );
  return { rows: view.nearest(boxInput, topk).filter(counts), otherClass };
}
