import { keepsNothing } from "../keeps-nothing.js";
import type { Score } from "./score.js";
import { logWeightedMean, MIN_LOGARITHM } from "./weighted.js";

/** log Σ wᵢ · yᵢ over the target's rows, in input pixels. */
export const yCentreScore: Score = keepsNothing({
  id: "y_c",
  aliases: ["y"],
  title: "Box centre y",
  missing: MIN_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, 1),
});
