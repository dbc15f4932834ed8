import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import type { PerturbationCurve, PerturbedScore } from "./metric.js";

/**
 * Returns the shares of the pixels at which a curve is sampled: `(i / steps)^1.5` for i = 0 … steps. Small shares are closer together,
 * because the first pixels have the largest effect.
 * @throws usage when `steps` is not a whole number of 1 or more.
 */
export function perturbationFractions(steps = 10): number[] {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new WhyboxError("usage", `The number of steps is ${steps}. Expected a whole number of 1 or more.`);
  }
  return Array.from({ length: steps + 1 }, (_, i) => (i / steps) ** 1.5);
}

/** Returns the indices of the map's pixels in descending order of their values. Equal values keep their row-major order. NaN is last. */
export function pixelOrder({ data }: Map2D): Uint32Array {
  const heat = data.map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value));
  return Uint32Array.from(data.keys()).sort((a, b) => (heat[a]! === heat[b]! ? a - b : heat[b]! - heat[a]!));
}

/**
 * Chooses the pixels with the highest values, share by share, and calls `scoreOf` for the image with these pixels changed. Deletion and
 * insertion both use this curve. They differ in the new values of the chosen pixels. Petsiuk, Das and Saenko,
 * "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.
 *
 * Cost: one call of `scoreOf` per share.
 * @throws usage when the shares are not in ascending order within 0..1.
 */
export async function perturbationCurve(
  map: Map2D,
  fractions: readonly number[],
  scoreOf: PerturbedScore,
): Promise<PerturbationCurve> {
  if (fractions.some((fraction, i) => !(fraction >= (i === 0 ? 0 : fractions[i - 1]!) && fraction <= 1))) {
    throw new WhyboxError("usage", `The shares are [${fractions.join(", ")}]. Expected ascending numbers from 0 to 1.`);
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
