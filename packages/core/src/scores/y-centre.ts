import type { Score } from "./score.js";
import { LEAST_LOGARITHM, logWeightedMean } from "./weighted.js";

/** log Σ wᵢ · yᵢ over the target's rows, in input pixels. */
export const yCentreScore: Score = {
  id: "y_c",
  aliases: ["y"],
  title: "Box centre y",
  keepsNothing: true,
  missing: LEAST_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, 1),
};
