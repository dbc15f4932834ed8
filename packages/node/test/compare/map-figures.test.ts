import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hottestOverlap, mapFigures, rankCorrelation } from "../../src/compare/map-figures.js";
import { imageGrid } from "../../src/runs/schema.js";

const cells = imageGrid ** 2;
const bytes = fc.uint8Array({ minLength: cells, maxLength: cells });

/** A spot of 4 × 4 cells. */
function spot(x: number, y: number, value = 255): Uint8Array {
  const map = new Uint8Array(cells);
  for (let i = 0; i < 16; i++) map[(y + Math.floor(i / 4)) * imageGrid + x + (i % 4)] = value;
  return map;
}

describe("rankCorrelation", () => {
  it("equals a case computed by hand, with shared ranks", () => {
    // Ranks of a: 1, 2.5, 2.5, 4. Of b: 2, 1, 3, 4. Pearson of the ranks: 3 / √(4.5 × 5).
    const found = rankCorrelation(Uint8Array.of(1, 5, 5, 9), Uint8Array.of(20, 10, 30, 40));
    expect(found).toBeCloseTo(3 / Math.sqrt(4.5 * 5), 12);
  });

  it("is the same for maps that grow with each other, and −1 for the opposite", () => {
    const up = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(
      rankCorrelation(
        up,
        up.map((value) => Math.floor(value / 2) + 100),
      ),
    ).toBeCloseTo(1, 3);
    expect(rankCorrelation(up, up.toReversed())).toBeCloseTo(-1, 12);
  });

  it("takes maps without an order", () => {
    const flat = new Uint8Array(cells).fill(3);
    expect(rankCorrelation(flat, flat)).toBe(1);
    expect(rankCorrelation(flat, spot(2, 2))).toBe(0);
  });
});

describe("hottestOverlap", () => {
  it("is the share of the hottest cells that both have", () => {
    expect(hottestOverlap(spot(4, 4), spot(4, 4))).toBe(1);
    expect(hottestOverlap(spot(4, 4), spot(6, 4))).toBe(0.5);
    expect(hottestOverlap(spot(4, 4), spot(20, 20))).toBe(0);
    expect(hottestOverlap(new Uint8Array(cells), new Uint8Array(cells))).toBe(1);
    expect(hottestOverlap(new Uint8Array(cells), spot(4, 4))).toBe(0);
  });

  it("shares the last places among equal cells", () => {
    // All cells are equal: each is hot to a tenth. Of the spot's 16 cells each is hot.
    const flat = new Uint8Array(cells).fill(9);
    expect(hottestOverlap(flat, flat)).toBeCloseTo(1, 9);
    expect(hottestOverlap(flat, spot(4, 4))).toBeCloseTo((16 * 0.1) / 102, 3);
  });
});

describe("mapFigures", () => {
  it("measures the shift of the heat in the image's own pixels", () => {
    // Eight cells of 32 to the right, in an image of 30 × 40: 10 pixels of a diagonal of 50.
    expect(mapFigures(spot(4, 4), spot(12, 4), [30, 40]).shift).toBeCloseTo(0.2, 9);
    expect(mapFigures(new Uint8Array(cells), spot(4, 4), [30, 40]).shift).toBe(1);
    expect(mapFigures(new Uint8Array(cells), new Uint8Array(cells), [30, 40]).shift).toBe(0);
  });

  it("is symmetric, within its bounds, and finds equal maps equal", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [there, back] = [mapFigures(a, b, [48, 64]), mapFigures(b, a, [48, 64])];
        for (const name of ["correlation", "overlap", "shift"] as const) {
          expect(there[name]).toBeCloseTo(back[name], 9);
          expect(Math.abs(there[name])).toBeLessThanOrEqual(1 + 1e-9);
        }
        const same = mapFigures(a, a, [48, 64]);
        expect(same.shift).toBe(0);
        expect(Math.min(same.correlation, same.overlap)).toBeCloseTo(1, 9);
      }),
      { seed: 7, numRuns: 30 },
    );
  });
});
