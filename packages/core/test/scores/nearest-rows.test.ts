import fc from "fast-check";
import { expect, it } from "vitest";
import type { Predictions } from "../../src/detector/detection.js";
import type { Box } from "../../src/image/frame.js";
import { boxTable, iouOfRow, nearestRows } from "../../src/scores/iou.js";
import { randomSource } from "../support/random.js";

/** Boxes of all sizes all over an image of 300 × 300, some of them twice, some not finite. */
function predictionsOf(rows: number, columns: number, seed: number): Predictions {
  const random = randomSource(seed);
  const data = Float32Array.from(
    { length: rows * columns },
    (_, i) => (i % columns < 2 ? 300 : 600 * random() ** 3) * random(),
  );
  for (let row = 1; row < rows; row++) {
    if (random() < 0.2) data.copyWithin(row * columns, (row - 1) * columns, row * columns);
    if (random() < 0.05) data[row * columns + Math.floor(4 * random())] = Number.NaN;
    if (random() < 0.05) data[row * columns + Math.floor(4 * random())] = Number.POSITIVE_INFINITY;
  }
  return { rows, columns, data };
}

function bySorting(predictions: Predictions, box: Box<"input">, count: number): number[] {
  const rows = Array.from({ length: predictions.rows }, (_, row) => ({ row, iou: iouOfRow(predictions, row, box) }));
  const finite = rows.filter(({ iou }) => Number.isFinite(iou));
  return finite
    .sort((a, b) => b.iou - a.iou || a.row - b.row)
    .slice(0, count)
    .map(({ row }) => row);
}

it("the nearest rows are the first of all rows, sorted by IoU", () => {
  const edge = fc.integer({ min: 0, max: 280 });
  const side = fc.integer({ min: 1, max: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 }), fc.integer(), edge, edge, side, side, (rows, seed, x, y, w, h) => {
      const predictions = predictionsOf(rows, 7, seed);
      const box = { frame: "input", x1: x, y1: y, x2: x + w, y2: y + h } as const;
      const want = bySorting(predictions, box, 10);
      expect(nearestRows(predictions, box, 10)).toEqual(want);
      expect(nearestRows({ ...predictions, boxes: boxTable(predictions) }, box, 10)).toEqual(want);
    }),
    { numRuns: 200 },
  );
});

it("boxes inside one another, whose IoU is the quotient of their areas, are told apart", () => {
  const random = randomSource(5);
  for (let round = 0; round < 200; round++) {
    const [w, h] = [1 + 300 * random(), 1 + 300 * random()];
    const [x, y] = [300 * random(), 300 * random()];
    const box = { frame: "input", x1: x - w / 2, y1: y - h / 2, x2: x + w / 2, y2: y + h / 2 } as const;
    const rows = Array.from({ length: 60 }, () => {
      const share = Math.sqrt(0.8 + 0.45 * random());
      return [x, y, w * share, h * share, 1, 1];
    });
    const predictions = { rows: rows.length, columns: 6, data: Float32Array.from(rows.flat()) };
    expect(nearestRows(predictions, box, 10)).toEqual(bySorting(predictions, box, 10));
  }
});
