import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "./columns.js";
import type { Score } from "./score.js";
import { MIN_LOGARITHM, weightedMean, weightedRows } from "./weighted.js";

/** log((Σ wᵢ · objectnessᵢ) · (Σ wᵢ · p(class)ᵢ)): the product of the two weighted means, as in the reference. */
export const classConfidenceScore: Score = keepsNothing({
  id: "class_confidence",
  title: "Objectness × class probability",
  missing: MIN_LOGARITHM,
  of(view, target, options) {
    const found = weightedRows(view, target, options);
    if (found === null) return null;
    const confidence = weightedMean(view, found, OBJECTNESS_COLUMN);
    const probability = weightedMean(view, found, CLASS_COLUMN + target.classIndex);
    return view.tape.log(view.tape.mul(confidence, probability));
  },
});
