import type { Score } from "./score.js";
import { LEAST_LOGARITHM, logWeightedMean } from "./weighted.js";

/** log Σ wᵢ · widthᵢ over the target's rows, in input pixels (the reference reads the height here, by mistake). */
export const widthScore: Score = {
  id: "w",
  aliases: ["width"],
  title: "Box width",
  keepsNothing: true,
  missing: LEAST_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, 2),
};
