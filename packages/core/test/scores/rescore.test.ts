import { describe, expect, it } from "vitest";
import type { Predictions } from "../../src/detector/detection.js";
import { evaluateScore } from "../../src/scores/index.js";
import { Rescorer, type RowRange } from "../../src/scores/rescore.js";
import type { Score, ScoreTarget } from "../../src/scores/score.js";
import { plainScores } from "../support/plain-scores.js";
import { randomSource } from "../support/random.js";

const ROWS = 60;
const COLUMNS = 9;
const ranges: readonly RowRange[] = [
  [10, 25],
  [40, 46],
];
const options = { topk: 7, versus: 1 };

/** A row near the boxes; coordinates on a coarse grid, so that many rows are equally near. */
function drawRow(random: () => number, coarse: boolean): number[] {
  const place = () => (coarse ? 8 * Math.floor(4 * random()) : 32 * random());
  const size = () => (coarse ? 16 : 10 + 12 * random());
  return [place(), place(), size(), size(), ...Array.from({ length: COLUMNS - 4 }, random)];
}

const target = (x1: number, y1: number, classIndex: number, row: number, anyClass = false): ScoreTarget => ({
  ...{ boxInput: { frame: "input", x1, y1, x2: x1 + 16, y2: y1 + 14 }, classIndex, row, anyClass },
});

/** Rows of the ranges are changed, those of the boxes and others are not; a row at a range's end; a box that nothing is near. */
const targets = [target(2, 4, 0, 12), target(8, 8, 1, 5), target(0, 16, 2, 45, true), target(500, 500, 3, 59)];

const full = (score: Score, predictions: Predictions): number =>
  evaluateScore(score, predictions, targets, options).terms.reduce<number>(
    (sum, term) => sum + (term ?? score.missing ?? 0),
    0,
  );

/** The changed rows of the ranges as outputs of a run hold them: somewhere inside a longer array. */
function partsOf(data: Float32Array, before: number) {
  return ranges.map(([start, end]) => {
    const own = data.subarray(start * COLUMNS, end * COLUMNS);
    const longer = new Float32Array(before + own.length + 5).fill(7);
    longer.set(own, before);
    return { data: longer, offset: before, length: own.length };
  });
}

describe("Rescorer", () => {
  for (const coarse of [false, true]) {
    it.each(plainScores)(`$id: exactly the score of all rows${coarse ? ", among ties" : ""}`, (score) => {
      const random = randomSource(21);
      const data = Float32Array.from(Array.from({ length: ROWS }, () => drawRow(random, coarse)).flat());
      const rescorer = new Rescorer({ score, base: { rows: ROWS, columns: COLUMNS, data }, targets, options }, ranges);
      const seen = new Set<number>();
      for (let i = 0; i < 25; i++) {
        const changed = data.slice();
        for (const [start, end] of ranges) {
          // Now and then the rows stay as they are, or go where no box is.
          const far = random() < 0.2 ? 1000 : 0;
          if (random() < 0.1) continue;
          for (let row = start; row < end; row++) {
            const [x, ...rest] = drawRow(random, coarse);
            changed.set([x! + far, ...rest], row * COLUMNS);
          }
        }
        const wanted = full(score, { rows: ROWS, columns: COLUMNS, data: changed });
        expect(rescorer.evaluate(partsOf(changed, 3 * i))).toBe(wanted);
        seen.add(wanted);
      }
      // On the coarse grid sizes are all the same, and with them some of the scores.
      expect(seen.size).toBeGreaterThan(coarse ? 2 : 10);
    });
  }

  it("takes rows that became NaN for rows that say nothing", () => {
    const random = randomSource(5);
    const data = Float32Array.from(Array.from({ length: ROWS }, () => drawRow(random, false)).flat());
    const changed = data.slice();
    changed.fill(Number.NaN, ranges[0]![0] * COLUMNS, ranges[0]![1] * COLUMNS);
    for (const score of plainScores) {
      const rescorer = new Rescorer({ score, base: { rows: ROWS, columns: COLUMNS, data }, targets, options }, ranges);
      const wanted = full(score, { rows: ROWS, columns: COLUMNS, data: changed });
      expect(wanted).not.toBeNaN();
      expect(rescorer.evaluate(partsOf(changed, 0))).toBe(wanted);
      // And finds them again when they are back.
      expect(rescorer.evaluate(partsOf(data, 0))).toBe(full(score, { rows: ROWS, columns: COLUMNS, data }));
    }
  });

  it("adds the score's stand-in for a term that is missing", () => {
    const data = new Float32Array(ROWS * COLUMNS);
    const nothing: Score = { id: "nothing", title: "", missing: -3, of: () => null };
    const rescorer = new Rescorer(
      { score: nothing, base: { rows: ROWS, columns: COLUMNS, data }, targets, options },
      ranges,
    );
    expect(rescorer.evaluate(partsOf(data, 0))).toBe(-12);
    const { missing: _, ...without } = nothing;
    expect(
      new Rescorer({ score: without, base: { rows: ROWS, columns: COLUMNS, data }, targets, options }, ranges).evaluate(
        partsOf(data, 0),
      ),
    ).toBe(0);
  });
});
