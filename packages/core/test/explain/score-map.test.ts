import { describe, expect, it } from "vitest";
import type { Detection, Predictions } from "../../src/detector/detection.js";
import { gridHead } from "../../src/detector/head.js";
import { classMaps, placesOf, scoreMap } from "../../src/explain/evidence/score-map.js";
import { gridFacts } from "../support/grid-facts.js";

/** Two levels of one and two anchors at strides 8 and 16; the coarse rows come first in the predictions. */
const level = (stride: number, anchors: number) => ({
  ...{ stride, anchors, name: `P${Math.log2(stride)}`, inputs: [""], convOutputs: [`c${stride}`], rows: undefined },
});
const head = gridHead(gridFacts("out", 2), [level(16, 2), level(8, 1)]);
/** 1 × 2 coarse cells with two anchors (4 rows), then 2 × 4 fine cells (8 rows). */
const inputSize = [16, 32] as const;

const predictions = (rows: readonly (readonly [objectness: number, p0: number, p1: number])[]): Predictions => ({
  ...{ rows: rows.length, columns: 7, data: Float32Array.from(rows.flatMap((row) => [1, 2, 3, 4, ...row])) },
});

const coarse = [
  [0.5, 1, 0.5],
  [0.25, 0.5, 1],
  [1, 0.25, 0.5],
  [0.5, 1, 0.25],
] as const;
const fine = Array.from({ length: 8 }, (_, i) => [1, i / 8, 0.5] as const);
const all = predictions([...coarse, ...fine]);

const detection = (more: Partial<Detection>): Detection =>
  ({
    level: 1,
    classIndex: 0,
    stride: 16,
    cell: [0, 0],
    boxInput: { frame: "input", x1: 0, y1: 0, x2: 8, y2: 8 },
    ...more,
  }) as Detection;

describe("scoreMap", () => {
  it("is objectness × probability, the largest over anchors, at the level's own size", () => {
    // Class 0: max(0.5·1, 1·0.25), max(0.25·0.5, 0.5·1).
    expect([...scoreMap(head, all, inputSize, [detection({})], [1, 2]).data]).toEqual([0.5, 0.5]);
    expect([...scoreMap(head, all, inputSize, [detection({ classIndex: 1 })], [1, 2]).data]).toEqual([0.5, 0.25]);
    const found = scoreMap(head, all, inputSize, [detection({ level: 0 })], [2, 4]);
    expect([...found.data]).toEqual(fine.map(([, p]) => p));
  });

  it("is the largest over the detections' classes and levels, each with its own only", () => {
    const both = [detection({}), detection({ classIndex: 1 })];
    expect([...scoreMap(head, all, inputSize, both, [1, 2]).data]).toEqual([0.5, 0.5]);
    // The fine level counts with class 1 (½ throughout) and not with class 0, whose last cell would have ⅞.
    const mixed = [detection({}), detection({ level: 0, classIndex: 1 })];
    expect([...scoreMap(head, all, inputSize, mixed, [2, 4]).data]).toEqual(Array(8).fill(0.5));
    expect(Math.max(...scoreMap(head, all, inputSize, [detection({ level: 0 })], [2, 4]).data)).toBe(0.875);
  });

  it("is resized to the layer's cells; without detections it is zero", () => {
    const larger = scoreMap(
      head,
      predictions([[1, 0, 0], [1, 1, 0], ...coarse.slice(0, 2).map(() => [0, 0, 0] as const), ...fine]),
      inputSize,
      [detection({})],
      [1, 4],
    );
    expect([...larger.data]).toEqual([0, 0.25, 0.75, 1]);
    expect([...scoreMap(head, all, inputSize, [], [1, 2]).data]).toEqual([0, 0]);
  });

  it("passes NaN over", () => {
    const spoiled = predictions([[Number.NaN, 1, 1], ...coarse.slice(1), ...fine]);
    expect([...scoreMap(head, spoiled, inputSize, [detection({})], [1, 2]).data]).toEqual([0.25, 0.5]);
  });
});

it("classMaps: probabilities without objectness, finest level first", () => {
  const [p3, p4] = classMaps(head, all, inputSize);
  expect(p3!.probabilities.dims).toEqual([2, 2, 4]);
  expect([...p3!.probabilities.data]).toEqual([...fine.map(([, p]) => p), ...fine.map(([, , p]) => p)]);
  expect(p4!.probabilities.dims).toEqual([2, 1, 2]);
  expect([...p4!.probabilities.data]).toEqual([1, 1, 0.5, 1]);
  expect(p4!.classIndices).toEqual([0, 1]);
});

describe("placesOf", () => {
  it("gives the box in cells and the cell under the middle of the one that predicted it", () => {
    const boxInput = { frame: "input", x1: 4, y1: 2, x2: 20, y2: 12 } as const;
    const [place] = placesOf([detection({ boxInput, stride: 8, cell: [2, 1], classIndex: 1 })], [4, 8], inputSize);
    expect(place).toEqual({ box: { x1: 1, y1: 0.5, x2: 5, y2: 3 }, cell: [5, 3], classIndex: 1, stride: 4 });
    // On the level's own grid it is the cell itself, on a coarser one the cell around it.
    expect(placesOf([detection({ boxInput, stride: 8, cell: [2, 1] })], [2, 4], inputSize)[0]!.cell).toEqual([2, 1]);
    expect(placesOf([detection({ boxInput, stride: 8, cell: [2, 1] })], [1, 2], inputSize)[0]!.cell).toEqual([1, 0]);
  });

  it("keeps the cell on the layer", () => {
    expect(placesOf([detection({ stride: 16, cell: [9, 9] })], [2, 4], inputSize)[0]!.cell).toEqual([3, 1]);
    expect(placesOf([], [2, 4], inputSize)).toEqual([]);
  });
});
