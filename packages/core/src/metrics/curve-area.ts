import { WhyboxError } from "../errors.js";
import type { PerturbationCurve } from "./metric.js";

/**
 * The area under a deletion or an insertion curve, by the trapezoidal rule, over the width that it covers: the mean height. Low is
 * good for deletion, high for insertion. Petsiuk, Das and Saenko, "RISE", BMVC 2018.
 * @throws usage for fewer than two points, lists of unequal length or a curve without width.
 */
export function curveArea({ fractions, scores }: PerturbationCurve): number {
  const width = (fractions.at(-1) ?? 0) - (fractions[0] ?? 0);
  if (fractions.length < 2 || fractions.length !== scores.length || !(width > 0)) {
    throw new WhyboxError(
      "usage",
      `The curve has ${fractions.length} shares over a width of ${width} and ${scores.length} scores; expected two or more of each, over a width above 0.`,
    );
  }
  let area = 0;
  for (let i = 1; i < fractions.length; i++) {
    area += ((fractions[i]! - fractions[i - 1]!) * (scores[i]! + scores[i - 1]!)) / 2;
  }
  return area / width;
}

/**
 * Over-all score: insertion minus deletion, −1..1 for scores of 0..1. Chance is near 0 when both perturbations hurt alike.
 * @throws usage as `curveArea`.
 */
export function overAll(insertion: PerturbationCurve, deletion: PerturbationCurve): number {
  return curveArea(insertion) - curveArea(deletion);
}
