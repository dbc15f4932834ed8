import { describe, expect, it } from "vitest";
import { peakOf, sampleGrid } from "../../src/metrics/index.js";

/** 4 × 6, each value its own place in reading order. */
const map = { height: 4, width: 6, data: Float32Array.from({ length: 24 }, (_, i) => i) };

describe("sampleGrid", () => {
  it("is the map itself where each cell is a pixel", () => {
    expect([...sampleGrid(map, { x1: 1, y1: 1, x2: 3, y2: 3 }, 2)]).toEqual([7, 8, 13, 14]);
  });

  it("averages the pixels of a cell", () => {
    expect([...sampleGrid(map, { x1: 0, y1: 0, x2: 4, y2: 4 }, 2)]).toEqual([3.5, 5.5, 15.5, 17.5]);
  });

  it("repeats a pixel that several cells share", () => {
    expect([...sampleGrid(map, { x1: 2, y1: 1, x2: 3, y2: 2 }, 2)]).toEqual([8, 8, 8, 8]);
  });

  it("is 0 beside the map, and the mean of what is on it at its edge", () => {
    expect([...sampleGrid(map, { x1: -2, y1: 2, x2: 2, y2: 6 }, 2)]).toEqual([0, 15.5, 0, 0]);
    expect([...sampleGrid(map, { x1: 4, y1: -1, x2: 8, y2: 1 }, 1)]).toEqual([4.5]);
  });

  it("does not care how many cells a box of any size has", () => {
    const flat = { height: 5, width: 7, data: new Float32Array(35).fill(0.25) };
    expect(new Set(sampleGrid(flat, { x1: 0.3, y1: 1.7, x2: 6.1, y2: 4.9 }, 24))).toEqual(new Set([0.25]));
  });
});

describe("peakOf", () => {
  it("is the first of the hottest pixels", () => {
    expect(peakOf(map)).toEqual([5, 3]);
    expect(peakOf({ height: 2, width: 3, data: Float32Array.of(0, 0, 1, 1, 0, 1) })).toEqual([2, 0]);
    expect(peakOf({ height: 1, width: 2, data: new Float32Array(2) })).toEqual([0, 0]);
  });
});
