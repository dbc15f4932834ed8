import { CLASS_COLUMN } from "./columns.js";
import type { Score } from "./score.js";
import { LEAST_LOGARITHM, logWeightedMean } from "./weighted.js";

/** log Σ wᵢ · p(class of the target)ᵢ over the target's rows: why is it this class? */
export const classScore: Score = {
  id: "class",
  title: "Class probability",
  keepsNothing: true,
  missing: LEAST_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, CLASS_COLUMN + target.classIndex),
};
