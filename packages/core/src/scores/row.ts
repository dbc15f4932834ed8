import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN, extraStart, OBJECTNESS_COLUMN } from "./columns.js";
import type { PredictionView, Score, ScoreTarget } from "./score.js";

/** objectness × p(class) of the target's prediction row: the confidence of the detection. */
export const rowScore: Score = keepsNothing({
  id: "row",
  aliases: ["row_probability"],
  title: "Confidence of the box's own row",
  readsOwnRow: true,
  of(view, target) {
    if (!view.isFiniteRow(target.row)) return null;
    const objectness = view.at(target.row, OBJECTNESS_COLUMN);
    return view.tape.mul(objectness, view.at(target.row, CLASS_COLUMN + target.classIndex));
  },
});

/**
 * The logit of the class in the target's prediction row, log(p / (1 − p)). Its gradient does not vanish for a confident detection, unlike the
 * gradient of a probability or its logarithm. For a classifier it is the value before the softmax: the score of Grad-CAM and its kin in the literature.
 */
export const rowLogitScore: Score = keepsNothing({
  id: "row_logit",
  title: "Class logit of the box's own row",
  readsOwnRow: true,
  of: (view, target) => (view.isFiniteRow(target.row) ? classLogit(view, target, target.classIndex) : null),
});

/**
 * The logit of a class in the target's own row. A classifier's predictions contain it. Otherwise it is log(p / (1 − p)), with p clamped to 1e-7 … 1 − 1e-7. The
 * gradient is zero where it is clamped.
 */
export function classLogit({ tape, at, predictions }: PredictionView, { row }: ScoreTarget, classIndex: number) {
  if (predictions.extra?.task === "classify") return at(row, extraStart(predictions) + classIndex);
  const probability = at(row, CLASS_COLUMN + classIndex);
  const most = tape.constant(1 - 1e-7);
  const held = tape.clampMin(probability.value > most.value ? most : probability, 1e-7);
  return tape.sub(tape.log(held), tape.log(tape.sub(tape.constant(1), held)));
}
