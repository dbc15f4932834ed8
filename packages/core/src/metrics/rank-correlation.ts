import { correlation } from "../algebra/correlation.js";

/**
 * Returns Spearman's rank correlation of two lists of the same length, −1..1: Pearson's correlation of their ranks. Equal values share their mean rank. A
 * list of equal values has no order: the result is 1 if both lists have none, else 0.
 */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [flatA, flatB] = [isFlat(a), isFlat(b)];
  if (flatA || flatB) return flatA && flatB ? 1 : 0;
  return correlation(meanRanks(a), meanRanks(b));
}

/**
 * Returns the partial rank correlation of two lists, −1..1: what they have in common beyond what `known` explains of both. A list that `known` explains
 * whole has nothing left: the result is 1 if this holds for both lists, else 0.
 */
export function rankCorrelationBeyond(a: ArrayLike<number>, b: ArrayLike<number>, known: ArrayLike<number>): number {
  const [ab, ak, bk] = [rankCorrelation(a, b), rankCorrelation(a, known), rankCorrelation(b, known)];
  const [leftA, leftB] = [isFlat(a) ? 0 : 1 - ak * ak, isFlat(b) ? 0 : 1 - bk * bk];
  if (leftA < NOTHING || leftB < NOTHING) return leftA < NOTHING && leftB < NOTHING ? 1 : 0;
  return Math.min(1, Math.max(-1, (ab - ak * bk) / Math.sqrt(leftA * leftB)));
}

/** A smaller share of the variance is a rounding error. */
const NOTHING = 1e-9;

/** Whether all values are equal: a map without contrast. */
export function isFlat(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** The ranks of the values, from 0. Equal values share their mean rank. */
function meanRanks(values: ArrayLike<number>): Float64Array {
  const sorted = Float64Array.from(values).sort();
  const ranks = new Map<number, number>();
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    ranks.set(sorted[start]!, (start + end - 1) / 2);
  }
  return Float64Array.from(values, (value) => ranks.get(value)!);
}
