import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "./columns.js";
import type { Score } from "./score.js";
import { logWeightedMean, MIN_LOGARITHM } from "./weighted.js";

/** log Σ wᵢ · objectnessᵢ over the target's rows. It explains why there is an object. A head without objectness uses the class probability. */
export const confidenceScore: Score = keepsNothing({
  id: "confidence",
  aliases: ["objectness"],
  title: "Objectness",
  missing: MIN_LOGARITHM,
  of: (view, target, options) => {
    const column = view.predictions.hasObjectness === false ? CLASS_COLUMN + target.classIndex : OBJECTNESS_COLUMN;
    return logWeightedMean(view, target, options, column);
  },
});
