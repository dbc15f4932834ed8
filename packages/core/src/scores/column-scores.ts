import type { Predictions } from "../detector/detection.js";
import { needsBox, needsObjectness } from "./classifier-refusals.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "./columns.js";
import type { Score, ScoreTarget } from "./score.js";
import { meansScore } from "./weighted.js";

/** log Σ wᵢ · p(class of the target)ᵢ over the target's rows. It explains the class. */
export const classScore = columnScore({ id: "class", title: "Class probability" }, classColumn);

/** log Σ wᵢ · objectnessᵢ over the target's rows. It explains why there is an object. A head without objectness uses the class probability. */
export const confidenceScore = columnScore(
  { id: "confidence", aliases: ["objectness"], title: "Objectness", refuse: needsObjectness },
  (target, predictions) => (predictions.hasObjectness === false ? classColumn(target) : OBJECTNESS_COLUMN),
);

/**
 * log Σ wᵢ · xᵢ over the target's rows, in input pixels. The same for y, width and height (the reference reads the height as the width and the
 * width as the height, by mistake).
 */
export const boxScores: readonly Score[] = [
  columnScore({ id: "x_c", aliases: ["x"], title: "Box centre x", refuse: needsBox }, () => 0),
  columnScore({ id: "y_c", aliases: ["y"], title: "Box centre y", refuse: needsBox }, () => 1),
  columnScore({ id: "w", aliases: ["width"], title: "Box width", refuse: needsBox }, () => 2),
  columnScore({ id: "h", aliases: ["height"], title: "Box height", refuse: needsBox }, () => 3),
];

function classColumn({ classIndex }: ScoreTarget): number {
  return CLASS_COLUMN + classIndex;
}

/** The logarithm of the weighted mean of one column of the predictions. */
function columnScore(
  names: Pick<Score, "id" | "aliases" | "title" | "refuse">,
  column: (target: ScoreTarget, predictions: Predictions) => number,
): Score {
  return meansScore(names, (target, predictions) => [column(target, predictions)]);
}
