import { didYouMean, WhyboxError } from "../errors.js";
import { angleScore } from "./angle.js";
import { boxSideScores } from "./box-side.js";
import { classConfidenceScore } from "./class-confidence.js";
import { classSumScore } from "./class-sum.js";
import { boxScores, classScore, confidenceScore } from "./column-scores.js";
import { contrastScore } from "./contrast.js";
import { finerScore } from "./finer.js";
import { keypointsScore } from "./keypoints.js";
import { maskScore } from "./mask.js";
import { rowLogitScore, rowScore } from "./row.js";
import type { Score } from "./score.js";

export { evaluateScore, scoreHessianVector, scoreValue } from "./evaluate.js";

/** All built-in scores. To add a score, pass `[...defaultScores, myScore]` to a function that takes scores. */
export const defaultScores: readonly Score[] = [
  classScore,
  confidenceScore,
  classConfidenceScore,
  ...boxScores,
  rowScore,
  rowLogitScore,
  ...boxSideScores,
  classSumScore,
  contrastScore,
  finerScore,
  maskScore,
  keypointsScore,
  angleScore,
];

/**
 * Returns the score with this id or alias (case-insensitive), or a part of a score, named after a colon (`keypoint:nose`). A score is returned as it is.
 * @throws usage for an unknown name. The message lists the valid names.
 * @throws internal when two scores have the same name.
 */
export function resolveScore(id: string | Score, scores: readonly Score[] = defaultScores): Score {
  if (typeof id !== "string") return id;
  const byName = indexByName(scores);
  const found = byName.get(id.toLowerCase());
  if (found !== undefined) return found;
  const [whole, ...part] = id.split(":");
  const one = part.length === 0 ? undefined : byName.get(whole!.toLowerCase())?.part?.(part.join(":").trim());
  if (one !== undefined) return one;
  const ids = scores.map((score) => score.id);
  throw new WhyboxError(
    "usage",
    `Unknown backprop item "${id}". Valid items: ${ids.join(", ")}.${didYouMean(id, [...byName.keys()])}`,
    { details: { found: id, expected: ids } },
  );
}

function indexByName(scores: readonly Score[]): Map<string, Score> {
  const byName = new Map<string, Score>();
  for (const score of scores) {
    for (const name of [score.id, ...(score.aliases ?? [])]) {
      const key = name.toLowerCase();
      if (byName.has(key)) {
        throw new WhyboxError("internal", `Two scores share the name "${name}": ids and aliases must be unique.`);
      }
      byName.set(key, score);
    }
  }
  return byName;
}
