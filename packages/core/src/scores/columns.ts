import type { Predictions } from "../detector/detection.js";

/** Columns before the class probabilities: x, y, w, h, objectness. */
export const CLASS_COLUMN = 5;
export const OBJECTNESS_COLUMN = 4;

export function classesOf({ classes, columns }: Pick<Predictions, "classes" | "columns">): number {
  return classes ?? columns - CLASS_COLUMN;
}

/** The first column after the classes. */
export function extraStart(predictions: Pick<Predictions, "classes" | "columns">): number {
  return CLASS_COLUMN + classesOf(predictions);
}
