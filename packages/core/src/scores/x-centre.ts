import type { Score } from "./score.js";
import { logWeightedMean, MIN_LOGARITHM } from "./weighted.js";

/** log Σ wᵢ · xᵢ over the target's rows, in input pixels. */
export const xCentreScore: Score = {
  id: "x_c",
  aliases: ["x"],
  title: "Box centre x",
  keepsNothing: true,
  missing: MIN_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, 0),
};
