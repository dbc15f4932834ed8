import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import type { PerturbationCurve, PerturbedScore } from "./metric.js";

/**
 * Shares at which a curve is read: `(i / steps)^1.5` for i = 0 … steps, closer together where few pixels decide.
 * @throws usage when `steps` is not a whole number of 1 or more.
 */
export function perturbationFractions(steps = 10): number[] {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new WhyboxError("usage", `A curve has ${steps} steps; give a whole number of 1 or more.`);
  }
  return Array.from({ length: steps + 1 }, (_, i) => (i / steps) ** 1.5);
}

/** Indices of the map's pixels, hottest first; of equal ones the first in row-major order. NaN comes last. */
export function pixelOrder({ data }: Map2D): Uint32Array {
  const heat = data.map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value));
  return Uint32Array.from(data.keys()).sort((a, b) => (heat[a]! === heat[b]! ? a - b : heat[b]! - heat[a]!));
}

/**
 * Chooses the hottest pixels, share after share, and asks for the score of the picture with those changed. Deletion and insertion are
 * both this curve: they differ in what the chosen pixels become. Petsiuk, Das and Saenko,
 * "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.
 *
 * Cost: one score for each share.
 * @throws usage when the shares do not rise from 0 or more to 1 or less.
 */
export async function perturbationCurve(
  map: Map2D,
  fractions: readonly number[],
  scoreOf: PerturbedScore,
): Promise<PerturbationCurve> {
  if (fractions.some((fraction, i) => !(fraction >= (i === 0 ? 0 : fractions[i - 1]!) && fraction <= 1))) {
    throw new WhyboxError("usage", `The shares are [${fractions.join(", ")}]; they must rise within 0 and 1.`);
  }
  const order = pixelOrder(map);
  const chosen = new Uint8Array(order.length);
  const scores: number[] = [];
  let done = 0;
  for (const fraction of fractions) {
    const count = Math.round(fraction * order.length);
    while (done < count) chosen[order[done++]!] = 1;
    scores.push(await scoreOf(chosen, fraction));
  }
  return { fractions, scores };
}
