import { BOX_COLUMNS } from "../../boxes/box-columns.js";
import { rowOf } from "../../boxes/row-of.js";
import type { Detection, Predictions } from "../../detector/detection.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "../../scores/columns.js";
import { iouOfRow, isFar } from "../../scores/iou.js";

/** Minimum IoU with the detection. */
const MIN_IOU = 0.5;
/** Scores below it count as 0. */
export const MIN_SCORE = 0.01;

/**
 * How well the predictions still show a detection: the best confidence of its class among the rows whose IoU with its box is above 0.5, or 0 below
 * 0.01. For a classifier: the probability of the class. Zhao and Chan, "ODAM", ICLR 2023.
 */
export function stillThere(predictions: Predictions, detection: Detection): number {
  const column = CLASS_COLUMN + detection.classIndex;
  if (detection.isWholeImage) return rowOf(predictions, detection.row)[column]!;
  const table = predictions.boxes ?? predictions.data;
  const columns = predictions.boxes ? BOX_COLUMNS : predictions.columns;
  let best = 0;
  for (let row = 0; row < predictions.rows; row++) {
    const objectness = table[row * columns + OBJECTNESS_COLUMN]!;
    if (!(objectness > Math.max(best, MIN_SCORE)) || isFar(predictions, row, detection.boxInput)) continue;
    if (!(iouOfRow(predictions, row, detection.boxInput) > MIN_IOU)) continue;
    const confidence = objectness * rowOf(predictions, row)[column]!;
    if (confidence > best) best = confidence;
  }
  return best < MIN_SCORE ? 0 : best;
}
