import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "./columns.js";
import type { Score } from "./score.js";
import { LEAST_LOGARITHM, logWeightedMean } from "./weighted.js";

/** log Σ wᵢ · objectnessᵢ over the target's rows: why is something there? A head without objectness answers with its class probability. */
export const confidenceScore: Score = {
  id: "confidence",
  aliases: ["objectness"],
  title: "Objectness",
  keepsNothing: true,
  missing: LEAST_LOGARITHM,
  of: (view, target, options) => {
    const column = view.predictions.hasObjectness === false ? CLASS_COLUMN + target.classIndex : OBJECTNESS_COLUMN;
    return logWeightedMean(view, target, options, column);
  },
};
