import { describe, expect, it } from "vitest";
import { detect } from "../../src/detector/detect.js";
import type { Predictions } from "../../src/detector/detection.js";
import { gridHead, type HeadLevel, levelName } from "../../src/detector/head.js";
import { boxIou, type Candidate, nonMaximumSuppression } from "../../src/detector/nms.js";
import type { Letterbox } from "../../src/image/frame.js";
import { gridFacts } from "../support/grid-facts.js";

const level = (stride: number): HeadLevel => ({
  stride,
  name: levelName(stride),
  anchors: 2,
  inputs: [`in${stride}`],
  convOutputs: [`out${stride}`],
  rows: undefined,
});
/** Levels of 2 × 4 and 1 × 2 cells at input 32 × 64, two anchors each: 16 + 4 rows. */
const head = gridHead(gridFacts("out", 2), [level(16), level(32)]);
const letterbox: Letterbox = {
  imageSize: [32, 128],
  inputSize: [32, 64],
  contentSize: [16, 64],
  scale: 0.5,
  padTop: 8,
  padLeft: 0,
};
const options = { confidence: 0.25, iou: 0.45, maxDetections: 1000, agnostic: false };

/** Predictions of 20 rows, nothing but zeros save the rows given. */
function predictions(rows: Readonly<Record<number, readonly number[]>>): Predictions {
  const data = new Float32Array(20 * 7);
  for (const [row, values] of Object.entries(rows)) data.set(values, Number(row) * 7);
  return { rows: 20, columns: 7, data };
}

const run = (rows: Readonly<Record<number, readonly number[]>>, changes: Partial<typeof options> = {}) =>
  detect({ predictions: predictions(rows), head, classNames: ["cat", "dog"], letterbox }, { ...options, ...changes });

describe("detect", () => {
  it("gives a box with all it knows", () => {
    const [found, ...others] = run({ 13: [20, 16, 8, 4, 0.75, 0.25, 0.5] });
    expect(others).toEqual([]);
    expect(found).toEqual({
      index: 0,
      classIndex: 1,
      className: "dog",
      confidence: 0.375,
      objectness: 0.75,
      classProbability: 0.5,
      boxInput: { frame: "input", x1: 16, y1: 14, x2: 24, y2: 18 },
      boxImage: { frame: "image", x1: 32, y1: 12, x2: 48, y2: 20 },
      row: 13,
      level: 0,
      levelName: "P4",
      stride: 16,
      anchor: 1,
      cell: [1, 1],
    });
  });

  it("sorts by confidence, equal ones by row", () => {
    const box = (x: number, objectness: number) => [x, 16, 2, 2, objectness, 0.5, 0.25];
    const found = run({ 3: box(5, 0.75), 9: box(15, 1), 11: box(25, 0.75) });
    expect(found.map(({ row, index }) => [row, index])).toEqual([
      [9, 0],
      [3, 1],
      [11, 2],
    ]);
  });

  it("keeps only what is above the threshold, objectness and product", () => {
    const rows = { 0: [9, 9, 4, 4, 0.5, 0.5, 0], 1: [30, 9, 4, 4, 0.25, 1, 0], 2: [50, 9, 4, 4, 0.5, 0.75, 0] };
    expect(run(rows).map(({ row }) => row)).toEqual([2]);
    expect(run(rows, { confidence: 0.24 }).map(({ row }) => row)).toEqual([2, 0, 1]);
    expect(run(rows, { confidence: 0 })).toHaveLength(3);
    expect(run(rows, { confidence: 1 })).toEqual([]);
  });

  it("takes the first of equally probable classes", () => {
    expect(run({ 0: [9, 9, 4, 4, 1, 0.5, 0.5] })[0]!.classIndex).toBe(0);
  });

  it("drops overlapping boxes of a class, of all classes when agnostic", () => {
    const rows = {
      0: [20, 16, 8, 8, 1, 1, 0],
      1: [21, 16, 8, 8, 0.75, 1, 0],
      2: [20, 17, 8, 8, 0.5, 0, 1],
    };
    expect(run(rows).map(({ row }) => row)).toEqual([0, 2]);
    expect(run(rows, { agnostic: true }).map(({ row }) => row)).toEqual([0]);
    expect(run(rows, { iou: 1 }).map(({ row }) => row)).toEqual([0, 1, 2]);
    expect(run(rows, { maxDetections: 1 }).map(({ row }) => row)).toEqual([0]);
  });

  it("never keeps rows that are not finite, nor crashes on them", () => {
    const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of bad) {
      for (let column = 0; column < 6; column++) {
        const row = [20, 16, 8, 8, 1, 1, 0];
        row[column] = value;
        const found = run({ 0: row, 1: [50, 16, 8, 8, 0.5, 1, 0] });
        expect(found.map((detection) => detection.row)).toEqual([1]);
      }
    }
    expect(run({ 0: [20, 16, -8, 8, 1, 1, 0] })).toEqual([]);
  });

  it("cuts boxes to the input", () => {
    const [found] = run({ 0: [2, 30, 10, 10, 1, 1, 0] });
    expect(found!.boxInput).toEqual({ frame: "input", x1: 0, y1: 25, x2: 7, y2: 32 });
  });

  it("names classes that have no name by number", () => {
    const found = detect(
      { predictions: predictions({ 0: [20, 16, 8, 8, 1, 0, 1] }), head, classNames: [], letterbox },
      options,
    );
    expect(found[0]!.className).toBe("class1");
  });

  it("refuses predictions of another shape", () => {
    const other = { rows: 19, columns: 7, data: new Float32Array(19 * 7) };
    expect(() => detect({ predictions: other, head, classNames: [], letterbox }, options)).toThrow(
      /\[1, 19, 7\].*\[1, 20, 7\]/,
    );
    const wide = { rows: 20, columns: 8, data: new Float32Array(160) };
    expect(() => detect({ predictions: wide, head, classNames: [], letterbox }, options)).toThrow(
      expect.objectContaining({ code: "unsupported-model" }),
    );
  });
});

describe("nonMaximumSuppression", () => {
  const box = (x1: number, x2: number, confidence: number, row: number): Candidate => ({
    row,
    classIndex: 0,
    confidence,
    box: { frame: "input", x1, y1: 0, x2, y2: 1 },
  });

  it("keeps boxes whose overlap equals the threshold, and is not chained", () => {
    // IoU of neighbours: 2 / 4 = 0.5; the third overlaps only the dropped second.
    const chain = [box(0, 3, 0.9, 0), box(1, 4, 0.8, 1), box(3, 6, 0.7, 2)];
    expect(boxIou(chain[0]!.box, chain[1]!.box)).toBe(0.5);
    const kept = (iou: number) => nonMaximumSuppression(chain, { iou, maxDetections: 9, agnostic: false });
    expect(kept(0.5).map(({ row }) => row)).toEqual([0, 1, 2]);
    expect(kept(0.49).map(({ row }) => row)).toEqual([0, 2]);
  });

  it("looks at the 30000 strongest only", () => {
    const many = Array.from({ length: 30_001 }, (_, i) => box(0, 1, 1 - i / 40_000, i));
    many[30_000] = box(5, 6, 0.1, 30_000);
    expect(nonMaximumSuppression(many, { iou: 0.5, maxDetections: 9, agnostic: true }).map(({ row }) => row)).toEqual([
      0,
    ]);
  });
});
