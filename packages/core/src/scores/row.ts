import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "./columns.js";
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
 * gradient of a probability or its logarithm.
 */
export const rowLogitScore: Score = keepsNothing({
  id: "row_logit",
  title: "Class logit of the box's own row",
  readsOwnRow: true,
  of: (view, target) => (view.isFiniteRow(target.row) ? classLogit(view, target, target.classIndex) : null),
});

/** log(p / (1 − p)) of a class in the target's own row. p is clamped to 1e-7 … 1 − 1e-7. The gradient is zero where it is clamped. */
export function classLogit({ tape, at }: PredictionView, { row }: ScoreTarget, classIndex: number) {
  const probability = at(row, CLASS_COLUMN + classIndex);
  const most = tape.constant(1 - 1e-7);
  const held = tape.clampMin(probability.value > most.value ? most : probability, 1e-7);
  return tape.sub(tape.log(held), tape.log(tape.sub(tape.constant(1), held)));
}
