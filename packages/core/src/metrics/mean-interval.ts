import { createRandom } from "../algebra/random.js";
import { WhyboxError } from "../errors.js";
import type { Interval } from "./metric.js";

export interface MeanIntervalOptions {
  /**
   * One label per value, for example the image of a detection. Values with the same label form a group. Whole groups are sampled, because values
   * from the same image are not independent. Default: each value is its own group.
   */
  readonly groups?: readonly string[];
  /** Number of bootstrap samples. Default 10,000. */
  readonly resamples?: number;
  /** Confidence of the interval, 0..1. Default 0.95. */
  readonly confidence?: number;
  /** Seed of the random numbers. Default 0. */
  readonly seed?: number;
}

/**
 * Returns the mean of some values and its bootstrap interval: the percentiles of the means of samples that are drawn from the values with
 * replacement. For a paired comparison, pass the differences. Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter
 * 13. Groups follow Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.
 * @throws usage when there are no values, or the number of groups is not the number of values.
 */
export function meanInterval(values: readonly number[], options: MeanIntervalOptions = {}): Interval {
  const { groups, resamples = 10_000, confidence = 0.95, seed = 0 } = options;
  if (values.length === 0 || (groups !== undefined && groups.length !== values.length)) {
    throw new WhyboxError(
      "usage",
      `Cannot compute the mean of ${values.length} values with ${groups?.length ?? values.length} group labels. Expected one value or more, and one label for each value.`,
    );
  }
  const sums = new Map<string, { sum: number; count: number }>();
  for (const [i, value] of values.entries()) {
    const label = groups?.[i] ?? String(i);
    const { sum, count } = sums.get(label) ?? { sum: 0, count: 0 };
    sums.set(label, { sum: sum + value, count: count + 1 });
  }
  const units = [...sums.values()];
  const random = createRandom(seed);
  const means = Float64Array.from({ length: resamples }, () => {
    let total = 0;
    let count = 0;
    for (let i = 0; i < units.length; i++) {
      const unit = units[Math.floor(random.uniform() * units.length)]!;
      total += unit.sum;
      count += unit.count;
    }
    return total / count;
  }).sort();
  const at = (share: number): number => means[Math.round(share * (resamples - 1))]!;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, low: at((1 - confidence) / 2), high: at((1 + confidence) / 2) };
}
