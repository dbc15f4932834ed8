import fc from "fast-check";
import { expect, it } from "vitest";
import { nearestRows } from "../../src/scores/iou.js";
import { nearCandidates } from "../../src/scores/near-candidates.js";
import { randomSource } from "../support/random.js";

const COLUMNS = 6;
const box = { frame: "input", x1: 90, y1: 70, x2: 160, y2: 150 } as const;

/** Boxes near the box, and bounds of those from `first` on. `spread` is how far the bounds are apart. */
function sceneOf(seed: number, rows: number, first: number, spread: number) {
  const random = randomSource(seed);
  const low = new Float64Array(4 * (rows - first));
  const high = new Float64Array(low.length);
  const draw = (): number => 250 * random();
  const base = Float32Array.from({ length: COLUMNS * rows }, (_, i) =>
    i % COLUMNS < 2 ? draw() : i % COLUMNS < 4 ? 4 + 150 * random() : random(),
  );
  for (let i = 0; i < low.length; i++) {
    const value = base[COLUMNS * (first + Math.floor(i / 4)) + (i % 4)]!;
    low[i] = i % 4 < 2 ? value - spread * random() : value / (1 + spread * random() * 0.1);
    high[i] = i % 4 < 2 ? value + spread * random() : value * (1 + spread * random() * 0.1);
  }
  return { base: { rows, columns: COLUMNS, data: base }, bounds: { first, low, high }, random };
}

it("every row that is among the nearest for some boxes within the bounds is a candidate", () => {
  let excluded = 0;
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 12, max: 90 }),
      fc.integer({ min: 0, max: 10 }),
      fc.double({ min: 0, max: 8, noNaN: true }),
      (seed, rows, first, spread) => {
        const { base, bounds, random } = sceneOf(seed, rows, first, spread);
        const found = nearCandidates(base, bounds, box, 4);
        if (found === undefined) return;
        excluded += rows - first - found.length;
        for (let round = 0; round < 20; round++) {
          const data = base.data.slice();
          for (let i = 0; i < bounds.low.length; i++) {
            // Often an end of the bounds, where the extremes are.
            const share = [0, 1, random()][Math.floor(3 * random())]!;
            data[COLUMNS * (first + Math.floor(i / 4)) + (i % 4)] =
              bounds.low[i]! + share * (bounds.high[i]! - bounds.low[i]!);
          }
          const near = nearestRows({ ...base, data }, box, 4).filter((row) => row >= first);
          expect(near.filter((row) => !found.includes(row))).toEqual([]);
        }
      },
    ),
    { seed: 14, numRuns: 300 },
  );
  expect(excluded).toBeGreaterThan(1000);
});

it("nothing can be excluded if no row is certain to overlap", () => {
  const { base, bounds } = sceneOf(3, 30, 0, 1000);
  expect(nearCandidates(base, bounds, box, 4)).toBeUndefined();
  const far = { ...box, x1: 5000, x2: 5100 };
  expect(
    nearCandidates(base, { ...bounds, low: bounds.low.map(() => 1), high: bounds.low.map(() => 2) }, far, 4),
  ).toBeUndefined();
});
