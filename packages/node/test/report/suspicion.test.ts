import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { suspicionOf } from "../../src/report/suspicion.js";

describe("suspicion", () => {
  it("is the score for a uniform map, for every size of the box", () => {
    for (const area of [0.001, 0.1, 0.5, 0.99]) expect(suspicionOf(0.8, area, area)).toBeCloseTo(0.8, 12);
  });

  it("is at most the score, and 0 for a map inside the box", () => {
    expect(suspicionOf(0.8, 0, 0.2)).toBe(0.8);
    expect(suspicionOf(0.8, 1, 0.2)).toBe(0);
    expect(suspicionOf(0.8, 1, 1)).toBe(0);
  });

  it("matches the formula", () => {
    // Inside 0.61 / 0.13 of the mean, outside 0.39 / 0.87.
    expect(suspicionOf(0.9, 0.61, 0.13)).toBeCloseTo((0.9 * 0.44827586) / 2.16617466, 6);
    expect(suspicionOf(0.8, 0, 0)).toBe(0.8);
  });

  it("decreases with more heat in the box", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const area = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true });
    fc.assert(
      fc.property(share, share, area, (a, b, part) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        expect(suspicionOf(1, more, part)).toBeLessThanOrEqual(suspicionOf(1, less, part) + 1e-12);
      }),
    );
  });
});
