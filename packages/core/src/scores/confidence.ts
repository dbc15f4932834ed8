import type { Score } from "./score.js";
import { LEAST_LOGARITHM, logWeightedMean, OBJECTNESS_COLUMN } from "./weighted.js";

/** log Σ wᵢ · objectnessᵢ over the target's rows: why is something there? */
export const confidenceScore: Score = {
  id: "confidence",
  aliases: ["objectness"],
  title: "Objectness",
  missing: LEAST_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, OBJECTNESS_COLUMN),
};
