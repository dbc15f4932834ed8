import { BOX_COLUMNS } from "../../boxes/box-columns.js";
import { rowOf } from "../../boxes/row-of.js";
import { boxAround } from "../../detector/detect.js";
import type { Detection, Predictions } from "../../detector/detection.js";
import type { Box, Letterbox } from "../../image/frame.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "../../scores/columns.js";
import { iouOfRow, isFar } from "../../scores/iou.js";

/** Minimum IoU with the detection. */
const MIN_IOU = 0.5;
/** Scores below it count as 0. */
export const MIN_SCORE = 0.01;

/** What is looked for in the predictions of a changed image. */
export interface Sought extends Pick<Detection, "classIndex" | "row" | "isWholeImage"> {
  readonly box: Box<"input">;
}

/**
 * What to look for instead of a detection of these predictions. The box of a detection ends at the border of the input, and those of the rows do not. So an
 * edge at the border reaches as far as that of the detection's row. Otherwise a box that is mostly outside would not be like its own row.
 */
export function soughtOf(predictions: Predictions, detection: Detection, { inputSize }: Letterbox): Sought {
  const { boxInput: box, row } = detection;
  const [height, width] = inputSize;
  const table = predictions.boxes;
  const at = table ? row * BOX_COLUMNS : 0;
  const [x, y, w, h] = (table ?? rowOf(predictions, row)).subarray(at, at + 4) as unknown as [
    number,
    number,
    number,
    number,
  ];
  const own = boxAround(x, y, w, h);
  return {
    ...detection,
    box: {
      frame: "input",
      x1: box.x1 <= 0 ? Math.min(box.x1, own.x1) : box.x1,
      y1: box.y1 <= 0 ? Math.min(box.y1, own.y1) : box.y1,
      x2: box.x2 >= width ? Math.max(box.x2, own.x2) : box.x2,
      y2: box.y2 >= height ? Math.max(box.y2, own.y2) : box.y2,
    },
  };
}

/**
 * How well the predictions still show a detection: the best confidence of its class among the rows whose IoU with its box is above 0.5, or 0 below
 * 0.01. For a classifier: the probability of the class. Zhao and Chan, "ODAM", ICLR 2023.
 */
export function stillThere(predictions: Predictions, { box, classIndex, row: own, isWholeImage }: Sought): number {
  const column = CLASS_COLUMN + classIndex;
  if (isWholeImage) return rowOf(predictions, own)[column]!;
  const table = predictions.boxes ?? predictions.data;
  const columns = predictions.boxes ? BOX_COLUMNS : predictions.columns;
  let best = 0;
  for (let row = 0; row < predictions.rows; row++) {
    const objectness = table[row * columns + OBJECTNESS_COLUMN]!;
    if (!(objectness > Math.max(best, MIN_SCORE)) || isFar(predictions, row, box)) continue;
    if (!(iouOfRow(predictions, row, box) > MIN_IOU)) continue;
    const confidence = objectness * rowOf(predictions, row)[column]!;
    if (confidence > best) best = confidence;
  }
  return best < MIN_SCORE ? 0 : best;
}
