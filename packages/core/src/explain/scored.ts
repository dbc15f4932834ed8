import type { Detection, Predictions } from "../detector/detection.js";
import { evaluateScore, scoreValue } from "../scores/index.js";
import type { Score, ScoreOptions, ScoreResult, ScoreTarget } from "../scores/score.js";
import type { ForwardResult } from "./forward-pass.js";
import type { LoadedModel } from "./loaded-model.js";

/** `index` of what is explained but was not detected: a box that a person drew. */
export const ASKED = -1;

/** The score of each detection on its own, so that any group of them can be explained by adding up. */
export interface DetectionScore {
  readonly detection: Detection;
  readonly score: Score;
  readonly result: ScoreResult;
  /** Levels of the rows that carry the score. */
  readonly levels: readonly number[];
}

export function targetOf({ boxInput, classIndex, row, index }: Detection): ScoreTarget {
  return { boxInput, classIndex, row, anyClass: index === ASKED };
}

/** The score of one detection, and where its rows come from. */
export function scoreOf(
  loaded: LoadedModel,
  { predictions, letterbox }: Pick<ForwardResult, "predictions" | "letterbox">,
  score: Score,
  detection: Detection,
  options: ScoreOptions,
): DetectionScore {
  const result = evaluateScore(score, predictions, [targetOf(detection)], options);
  const { data, columns } = predictions;
  const centre = (row: number) => [data[row * columns]!, data[row * columns + 1]!] as const;
  const levels = new Set(result.rows.map((row) => loaded.head.originOf(row, letterbox.inputSize, centre(row)).level));
  return { detection, score, result, levels: [...levels].sort((a, b) => a - b) };
}

/** The detections that a score counts in a group: a class's score counts a class with several detections once. */
export function counted(score: Score, group: readonly Detection[]): readonly Detection[] {
  if (!score.perClass) return group;
  return group.filter((one, i) => group.findIndex((other) => other.classIndex === one.classIndex) === i);
}

/** The score of a group on predictions, with the score's stand-in for terms that are missing. */
export function scoreOn(
  score: Score,
  predictions: Predictions,
  detections: readonly Detection[],
  options: ScoreOptions,
): number {
  return scoreValue(score, predictions, detections.map(targetOf), options);
}
