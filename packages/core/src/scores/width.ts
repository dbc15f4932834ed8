import { keepsNothing } from "../keeps-nothing.js";
import type { Score } from "./score.js";
import { logWeightedMean, MIN_LOGARITHM } from "./weighted.js";

/** log Σ wᵢ · widthᵢ over the target's rows, in input pixels (the reference reads the height here by mistake). */
export const widthScore: Score = keepsNothing({
  id: "w",
  aliases: ["width"],
  title: "Box width",
  missing: MIN_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, 2),
});
