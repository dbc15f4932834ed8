import { needsObjectness } from "./classifier-refusals.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "./columns.js";
import type { Score } from "./score.js";
import { meansScore } from "./weighted.js";

/** log((Σ wᵢ · objectnessᵢ) · (Σ wᵢ · p(class)ᵢ)): the product of the two weighted means, as in the reference. */
export const classConfidenceScore: Score = meansScore(
  { id: "class_confidence", title: "Objectness × class probability", refuse: needsObjectness },
  ({ classIndex }) => [OBJECTNESS_COLUMN, CLASS_COLUMN + classIndex],
);
