import fc from "fast-check";
import { expect, it } from "vitest";
import { gaussianAtBox } from "../../src/metrics/gaussian-at-box.js";
import { heatOrder } from "../../src/metrics/heat-order.js";

const all = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

it("orders pixels by heat, hottest first, and NaN last", () => {
  const values = Float32Array.of(
    0.5,
    Number.NaN,
    -2,
    3e8,
    -1e-30,
    Number.POSITIVE_INFINITY,
    1e-30,
    Number.NEGATIVE_INFINITY,
  );
  expect([...heatOrder(values, all(8), 1)]).toEqual([5, 3, 0, 6, 4, 2, 7, 1]);
  expect([...heatOrder(values, Uint32Array.of(2, 0, 4), 1)]).toEqual([0, 4, 2]);
});

it("is a permutation in descending order, for any values", () => {
  fc.assert(
    fc.property(fc.float32Array({ noNaN: true, minLength: 1, maxLength: 200 }), fc.nat(), (values, seed) => {
      const order = heatOrder(values, all(values.length), seed);
      expect([...order].sort((a, b) => a - b)).toEqual([...all(values.length)]);
      for (let i = 1; i < order.length; i++) expect(values[order[i - 1]!]! >= values[order[i]!]!).toBe(true);
    }),
    { seed: 1, numRuns: 300 },
  );
});

it("breaks ties at random: no place is preferred, and the seed decides", () => {
  const values = new Float32Array(1000);
  const order = heatOrder(values, all(1000), 7);
  expect(order).toEqual(heatOrder(values, all(1000), 7));
  expect(order).not.toEqual(heatOrder(values, all(1000), 8));
  // The mean place of the first half is about the middle: 499.5 ± 5 standard errors.
  const mean = order.subarray(0, 500).reduce((sum, place) => sum + place, 0) / 500;
  expect(Math.abs(mean - 499.5)).toBeLessThan(5 * (1000 / Math.sqrt(12 * 500)));
  // −0 and 0 are equal.
  const zeros = Float32Array.from({ length: 1000 }, (_, i) => (i < 500 ? 0 : -0));
  expect(heatOrder(zeros, all(1000), 7)).toEqual(order);
});

it("the Gaussian is highest at the centre of the box, and equal along its sides", () => {
  const { data } = gaussianAtBox(5, 7, { x1: 2, y1: 1, x2: 5, y2: 4 });
  expect(data[2 * 7 + 3]).toBe(1);
  expect(data[2 * 7 + 4]).toBeCloseTo(Math.exp(-0.5), 6);
  expect(data[1 * 7 + 3]).toBeCloseTo(Math.exp(-0.5), 6);
  expect(data[0]).toBeCloseTo(Math.exp(-0.5 * (9 + 4)), 6);
});
