import type { Detection, Predictions } from "../../src/detector/detection.js";
import { ASKED } from "../../src/explain/targets/detection-score.js";
import { defaultScores, scoreValue } from "../../src/scores/index.js";
import type { Score, ScoreOptions } from "../../src/scores/score.js";

/** The scores that every detector has, without those of masks, keypoints and turned boxes. */
export const plainScores: readonly Score[] = defaultScores.filter(
  (score) => score.refuse?.({ task: "detect", keypoints: undefined }) === undefined,
);

/** Such a score of detections, on predictions that need not be those they were found in. */
export function scoreOn(
  score: Score,
  predictions: Predictions,
  detections: readonly Detection[],
  options: ScoreOptions,
): number {
  const targets = detections.map(({ boxInput, classIndex, row, index }) => {
    return { boxInput, classIndex, row, anyClass: index === ASKED };
  });
  return scoreValue(score, predictions, targets, options);
}
