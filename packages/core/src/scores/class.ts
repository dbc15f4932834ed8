import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN } from "./columns.js";
import type { Score } from "./score.js";
import { logWeightedMean, MIN_LOGARITHM } from "./weighted.js";

/** log Σ wᵢ · p(class of the target)ᵢ over the target's rows. It explains the class. */
export const classScore: Score = keepsNothing({
  id: "class",
  title: "Class probability",
  missing: MIN_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, CLASS_COLUMN + target.classIndex),
});
