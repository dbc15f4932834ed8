import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concentrationOf, suspicionOf } from "../../src/report/suspicion.js";

const cells = 1024;
/** A map with `share` of its heat in one tenth of the cells, evenly, and the rest in the others. */
function mapWith(share: number): Uint8Array {
  const hot = Math.round(0.1 * cells);
  const [high, low] = [share / hot, (1 - share) / (cells - hot)];
  return Uint8Array.from({ length: cells }, (_, i) => Math.round((255 * (i < hot ? high : low)) / high));
}

describe("suspicion", () => {
  it("is at most the score, and 0 for a map inside the box", () => {
    expect(suspicionOf(0.8, { inBox: 0, area: 0.2 })).toBe(0.8);
    expect(suspicionOf(0.8, { inBox: 1, area: 0.2 })).toBe(0);
    expect(suspicionOf(0.8, { inBox: 1, area: 1 })).toBe(0);
  });

  it("matches the formula", () => {
    // Inside 0.61 / 0.13 of the mean, outside 0.39 / 0.87.
    expect(suspicionOf(0.9, { inBox: 0.61, area: 0.13 })).toBeCloseTo((0.9 * 0.44827586) / 2.16617466, 6);
    expect(suspicionOf(0.8, { inBox: 0, area: 0 })).toBe(0.8);
    expect(suspicionOf(0.8, { inBox: 0, area: 0.2 }, mapWith(0.2))).toBeCloseTo(0.8 * 0.5, 1);
  });

  it("does not put a nearly uniform map of a confident box before heat that is elsewhere", () => {
    for (const area of [0.001, 0.1, 0.5, 0.99]) {
      const uniform = suspicionOf(0.99, { inBox: area, area }, mapWith(0.12));
      const elsewhere = suspicionOf(0.4, { inBox: area / 4, area }, mapWith(0.6));
      expect(uniform).toBeLessThan(elsewhere);
      expect(suspicionOf(1, { inBox: area, area }, new Uint8Array(cells).fill(100))).toBe(0);
    }
  });

  it("decreases with more heat in the box", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const area = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true });
    fc.assert(
      fc.property(share, share, area, (a, b, part) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        const [high, low] = [less, more].map((inBox) => suspicionOf(1, { inBox, area: part }));
        expect(low!).toBeLessThanOrEqual(high! + 1e-12);
      }),
      { seed: 3 },
    );
  });
});

describe("the concentration of a map", () => {
  it("grows from 0 for a uniform map to 1 where the hottest tenth has 30 % of the heat", () => {
    const found = [0.1, 0.15, 0.2, 0.3, 0.9].map((share) => concentrationOf(mapWith(share)));
    for (const [i, expected] of [0, 0.25, 0.5, 1, 1].entries()) expect(found[i]).toBeCloseTo(expected, 1);
    expect(concentrationOf(new Uint8Array(cells))).toBe(0);
  });
});
