import { rowOf } from "../../boxes/row-of.js";
import type { Detection } from "../../detector/detection.js";
import type { Layer } from "../../detector/layer.js";
import { extraOf } from "../../detector/tasks/extra.js";
import { WhyboxError } from "../../errors.js";
import { evaluateScore } from "../../scores/index.js";
import { maskCellsOf } from "../../scores/mask.js";
import type { Score, ScoreOptions, ScoreResult, ScoreTarget } from "../../scores/score.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { GradientRequest } from "../passes/gradients.js";

/** `index` of a box drawn by a person. It is explained like a detection. */
export const ASKED = -1;

/** The score of one detection. The score of a group is the sum over its detections. */
export interface DetectionScore {
  readonly detection: Detection;
  readonly target: ScoreTarget;
  readonly score: Score;
  readonly result: ScoreResult;
  /** Levels of the rows that carry the score. */
  readonly levels: readonly number[];
}

/** The parts of a forward pass that scores read. */
export type Scene = Pick<ForwardResult, "predictions" | "letterbox">;

/** A detection as the target of a score, on the predictions of `scene`. */
export function targetOf(
  { boxInput, classIndex, row, index, isWholeImage }: Detection,
  score: Score,
  { predictions, letterbox }: Scene,
): ScoreTarget {
  const target = { boxInput, classIndex, row, anyClass: index === ASKED || isWholeImage === true };
  if (score.readsMask !== true) return target;
  return { ...target, maskCells: maskCellsOf(predictions, row, boxInput, letterbox.inputSize) };
}

/** A request for the score of one detection. */
export interface ScoreRequest {
  readonly scene: Scene;
  readonly score: Score;
  readonly detection: Detection;
  readonly options: ScoreOptions;
  /** The target on the unchanged image, if the scene is that of a changed image. Default: made from the scene. */
  readonly target?: ScoreTarget;
}

/** Scores one detection, and finds the levels of its rows. */
export function scoreOf({ head }: LoadedModel, request: ScoreRequest): DetectionScore {
  const { scene, score, detection, options } = request;
  const { predictions, letterbox } = scene;
  const target = request.target ?? targetOf(detection, score, scene);
  const result = evaluateScore(score, predictions, [target], options);
  const centre = (row: number) => {
    const values = rowOf(predictions, row);
    return [values[0]!, values[1]!] as const;
  };
  const levels = new Set(result.rows.map((row) => head.originOf(row, letterbox.inputSize, centre(row)).level));
  return { detection, target, score, result, levels: [...levels].sort((a, b) => a - b) };
}

/** A request for the gradient of the sum of several scores. */
export function requestOf(layers: readonly Layer[], entries: readonly DetectionScore[]): GradientRequest {
  return {
    layers,
    results: entries.map((entry) => entry.result),
    levels: [...new Set(entries.flatMap((entry) => entry.levels))],
  };
}

/** The detections of a group that a score counts. A score with `perClass` counts each class once. */
export function counted(score: Score, group: readonly Detection[]): readonly Detection[] {
  if (!score.perClass) return group;
  return group.filter((one, i) => group.findIndex((other) => other.classIndex === one.classIndex) === i);
}

/** Checks that the model supports the scores. @throws usage if it does not, for example for the score of a mask if the model has no masks. */
export function refuseScores({ head, model }: LoadedModel, scores: readonly Score[]): void {
  const extra = extraOf(head, model.metadata, undefined);
  // A file without prototypes has no masks.
  const task = head.task === "segment" && head.prototypes === undefined ? "detect" : head.task;
  const facts = { task, keypoints: extra?.task === "pose" ? extra.keypoints : undefined };
  for (const score of scores) {
    const why = score.refuse?.(facts);
    if (why === undefined) continue;
    throw new WhyboxError(
      "usage",
      `The score "${score.id}" is not supported for this model (task: ${task}): ${why}. Use another score, or another model.`,
      { details: { score: score.id, task } },
    );
  }
}
