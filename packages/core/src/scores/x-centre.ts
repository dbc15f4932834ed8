import { keepsNothing } from "../keeps-nothing.js";
import type { Score } from "./score.js";
import { logWeightedMean, MIN_LOGARITHM } from "./weighted.js";

/** log Σ wᵢ · xᵢ over the target's rows, in input pixels. */
export const xCentreScore: Score = keepsNothing({
  id: "x_c",
  aliases: ["x"],
  title: "Box centre x",
  missing: MIN_LOGARITHM,
  of: (view, target, options) => logWeightedMean(view, target, options, 0),
});
