import { keepsNothing } from "../keeps-nothing.js";
import type { Score } from "./score.js";
import { logWeightedMean, MIN_LOGARITHM } from "./weighted.js";

/** log Σ wᵢ · heightᵢ over the target's rows, in input pixels (the reference reads the width here by mistake). */
export const heightScore: Score = keepsNothing({
  id: "h",
  aliases: ["height"],
  title: "Box height",
  missing: MIN_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, 3),
});
