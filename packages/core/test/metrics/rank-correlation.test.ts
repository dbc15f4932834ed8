import fc from "fast-check";
import { expect, it } from "vitest";
import { rankCorrelation, rankCorrelationBeyond } from "../../src/metrics/rank-correlation.js";

it("is Spearman's correlation, with mean ranks for ties", () => {
  // Ranks 0, 1.5, 1.5, 3 and 0, 2, 1, 3 less their mean 1.5: 4.5 / √(4.5 · 5).
  expect(rankCorrelation([1, 2, 2, 3], [10, 30, 20, 40])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12);
  // Without ties: 1 − 6 Σd² / (n(n² − 1)) with the differences −1, −1, −1, −1 and 4.
  expect(rankCorrelation([1, 2, 3, 4, 5], [2, 3, 4, 5, 1])).toBeCloseTo(1 - (6 * 20) / (5 * 24), 12);
  expect(rankCorrelation([3, 1, 2], [-30, -10, -20])).toBeCloseTo(-1, 12);
});

it("has no order to compare in equal values", () => {
  expect(rankCorrelation([0, 0, 0], [0, 0, 0])).toBe(1);
  expect(rankCorrelation([5, 5, 5], [0, 0, 0])).toBe(1);
  expect(rankCorrelation([0, 0, 0], [1, 2, 3])).toBe(0);
});

it("does not change with what keeps the order", () => {
  const list = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 40 });
  fc.assert(
    fc.property(list, list, (a, b) => {
      const n = Math.min(a.length, b.length);
      const [x, y] = [a.slice(0, n), b.slice(0, n)];
      const found = rankCorrelation(x, y);
      expect(found).toBeCloseTo(
        rankCorrelation(
          x.map(Math.exp),
          y.map((value) => 3 * value + 1),
        ),
        9,
      );
      expect(found).toBeCloseTo(rankCorrelation(y, x), 9);
      expect(Math.abs(found)).toBeLessThanOrEqual(1 + 1e-12);
    }),
    { seed: 5, numRuns: 200 },
  );
});

it("takes out what is known of both lists", () => {
  const known = [1, 2, 3, 4, 5, 6];
  const [a, b] = [
    [2, 1, 4, 3, 6, 5],
    [1, 3, 2, 5, 4, 6],
  ];
  const [ab, ak, bk] = [rankCorrelation(a, b), rankCorrelation(a, known), rankCorrelation(b, known)];
  expect(rankCorrelationBeyond(a, b, known)).toBeCloseTo((ab - ak * bk) / Math.sqrt((1 - ak ** 2) * (1 - bk ** 2)), 12);
  expect(ab).toBeGreaterThan(0.4);
  expect(rankCorrelationBeyond(a, b, known)).toBeLessThan(0);
  expect(rankCorrelationBeyond(a, a, known)).toBeCloseTo(1, 12);
  // Nothing is left of a list that is known whole.
  expect(rankCorrelationBeyond(known, known, known)).toBe(1);
  expect(rankCorrelationBeyond(known, a, known)).toBe(0);
  expect(rankCorrelationBeyond(a, [0, 0, 0, 0, 0, 0], known)).toBe(0);
});
