import { WhyboxError } from "../errors.js";
import type { PerturbationCurve } from "./metric.js";

/**
 * Returns the area under a deletion or insertion curve (trapezoidal rule), divided by the curve's width: its mean height. A low value is
 * good for deletion, a high value for insertion. Petsiuk, Das and Saenko, "RISE", BMVC 2018.
 * @throws usage when the curve has fewer than two points, lists of different length, or no width.
 */
export function curveArea({ fractions, scores }: PerturbationCurve): number {
  const width = (fractions.at(-1) ?? 0) - (fractions[0] ?? 0);
  if (fractions.length < 2 || fractions.length !== scores.length || !(width > 0)) {
    throw new WhyboxError(
      "usage",
      `The curve has ${fractions.length} shares over a width of ${width}, and ${scores.length} scores. Expected the same number of both, two or more, and a width above 0.`,
    );
  }
  let area = 0;
  for (let i = 1; i < fractions.length; i++) {
    area += ((fractions[i]! - fractions[i - 1]!) * (scores[i]! + scores[i - 1]!)) / 2;
  }
  return area / width;
}

/**
 * Returns the over-all score: insertion minus deletion, −1..1 for scores of 0..1. A random map scores near 0 if both perturbations have similar effects.
 * @throws usage under the conditions of `curveArea`.
 */
export function overAll(insertion: PerturbationCurve, deletion: PerturbationCurve): number {
  return curveArea(insertion) - curveArea(deletion);
}
