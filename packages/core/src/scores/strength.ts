import { BOX_COLUMNS } from "../boxes/box-columns.js";
import { rowOf } from "../boxes/row-of.js";
import type { Predictions } from "../detector/detection.js";
import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "./columns.js";
import { iouOfRow, iouOnTape, isFar } from "./iou.js";
import type { Score, ScoreTarget } from "./score.js";
import type { Scalar } from "./tape.js";
import { MIN_LOGARITHM } from "./weighted.js";

/** Number of rows that the smooth maximum reads. */
const ROWS = 20;
/** Sharpness of the smooth maximum. */
const SHARPNESS = 20;

/** A row, and its objectness × class probability × IoU with the box of the target. */
interface StrongRow {
  readonly row: number;
  readonly strength: number;
}

type StrengthTarget = Pick<ScoreTarget, "boxInput" | "classIndex" | "row"> & {
  readonly isWholeImage?: boolean | undefined;
};

/**
 * How strongly the predictions support a target: the largest objectness × class probability × IoU with its box over all rows, before NMS. For a classifier: the
 * probability of the class. It falls when the box moves away, too.
 */
export function strengthOf(predictions: Predictions, target: StrengthTarget): number {
  return strongRows(predictions, target, 1)[0]?.strength ?? 0;
}

/** The rows with the largest strength above 0, strongest first. */
function strongRows(predictions: Predictions, target: StrengthTarget, count: number): StrongRow[] {
  const column = CLASS_COLUMN + target.classIndex;
  if (target.isWholeImage) return [{ row: target.row, strength: rowOf(predictions, target.row)[column]! }];
  const table = predictions.boxes ?? predictions.data;
  const columns = predictions.boxes ? BOX_COLUMNS : predictions.columns;
  const best: StrongRow[] = [];
  for (let row = 0; row < predictions.rows; row++) {
    const objectness = table[row * columns + OBJECTNESS_COLUMN]!;
    const least = best.length < count ? 0 : best.at(-1)!.strength;
    if (!(objectness > least) || isFar(predictions, row, target.boxInput)) continue;
    const bound = objectness * iouOfRow(predictions, row, target.boxInput);
    if (!(bound > least)) continue;
    const strength = bound * rowOf(predictions, row)[column]!;
    if (!(strength > least)) continue;
    const place = best.findIndex((other) => other.strength < strength);
    best.splice(place < 0 ? best.length : place, 0, { row, strength });
    if (best.length > count) best.pop();
  }
  return best;
}

/**
 * The logarithm of `strengthOf`, as a smooth maximum over the strongest rows: `log(Σ s^20) / 20`. Its gradient reaches all rows that support the target, so it
 * does not depend on which of them is the strongest in a changed image.
 */
export const strengthScore: Score = keepsNothing({
  id: "strength",
  title: "Support for the box",
  missing: MIN_LOGARITHM,
  of(view, target) {
    const { tape, predictions } = view;
    const isWholeImage = predictions.extra?.task === "classify";
    const logarithms = strongRows(predictions, { ...target, isWholeImage }, ROWS).map(({ row }): Scalar => {
      const probability = tape.log(view.at(row, CLASS_COLUMN + target.classIndex));
      if (isWholeImage) return probability;
      const iou = tape.log(iouOnTape(view, target.boxInput, row));
      const objectness = tape.log(view.at(row, OBJECTNESS_COLUMN));
      return tape.sum([objectness, probability, iou]);
    });
    if (logarithms.length === 0) return null;
    // The largest logarithm is taken out, so that the powers do not underflow.
    const most = tape.constant(Math.max(...logarithms.map(({ value }) => value)));
    const sharpness = tape.constant(SHARPNESS);
    const powers = logarithms.map((one) => tape.exp(tape.mul(sharpness, tape.sub(one, most))));
    return tape.add(most, tape.div(tape.log(tape.sum(powers)), sharpness));
  },
});
