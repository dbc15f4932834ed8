import { describe, expect, it } from "vitest";
import { iouOf, judge, type TruthObject } from "../../src/report/truth/judge.js";

const object = (number: number, box: [number, number, number, number], crowd = false): TruthObject => ({
  class: number,
  box,
  crowd,
});
const detection = (number: number, box: [number, number, number, number]) => ({ class: number, box });
const kinds = (...given: Parameters<typeof judge>) => judge(...given).detections.map(({ kind }) => kind);

describe("judge", () => {
  it("measures overlap", () => {
    expect(iouOf([0, 0, 10, 10], [5, 0, 15, 10])).toBeCloseTo(50 / 150);
    expect(iouOf([0, 0, 10, 10], [20, 0, 30, 10])).toBe(0);
    expect(iouOf([0, 0, 0, 0], [0, 0, 0, 0])).toBe(0);
  });

  it("classifies the errors of TIDE", () => {
    const truth = [object(0, [0, 0, 100, 100]), object(1, [200, 0, 300, 100])];
    expect(kinds([detection(0, [0, 0, 100, 90])], truth)).toEqual(["hit"]);
    expect(kinds([detection(1, [0, 0, 100, 90])], truth)).toEqual(["class"]);
    expect(kinds([detection(0, [0, 0, 100, 40])], truth)).toEqual(["place"]);
    expect(kinds([detection(1, [0, 0, 100, 40])], truth)).toEqual(["both"]);
    expect(kinds([detection(0, [0, 0, 100, 9])], truth)).toEqual(["background"]);
    expect(kinds([detection(0, [0, 0, 100, 100]), detection(0, [0, 0, 100, 90])], truth)).toEqual(["hit", "duplicate"]);
  });

  it("names the object of an error", () => {
    const truth = [object(0, [0, 0, 100, 100]), object(1, [200, 0, 300, 100])];
    const about = (number: number, box: [number, number, number, number]) =>
      judge([detection(number, box)], truth).detections[0]!.object?.class;
    expect(about(1, [0, 0, 100, 90])).toBe(0);
    expect(about(1, [0, 0, 100, 40])).toBe(0);
    expect(about(1, [200, 0, 300, 90])).toBe(1);
    expect(about(0, [500, 0, 600, 100])).toBeUndefined();
  });

  it("gives each object to the most confident detection, the best object first", () => {
    const truth = [object(0, [0, 0, 100, 100]), object(0, [20, 0, 120, 100])];
    const found = judge([detection(0, [15, 0, 115, 100]), detection(0, [0, 0, 100, 100])], truth);
    expect(found.detections.map(({ kind }) => kind)).toEqual(["hit", "hit"]);
    expect(found.detections[0]!.iou).toBeCloseTo(95 / 105);
    expect(found.missed).toEqual([]);
  });

  it("names the nearest detection of a missed object", () => {
    const truth = [object(0, [0, 0, 100, 100]), object(0, [500, 0, 600, 100])];
    const { missed } = judge([detection(1, [300, 0, 310, 10]), detection(1, [0, 0, 100, 60])], truth);
    expect(missed.map(({ nearest, iou }) => [nearest, Math.round(iou * 100)])).toEqual([
      [1, 60],
      [-1, 0],
    ]);
  });

  it("ignores detections in a crowd, and never misses a crowd", () => {
    const crowd = [object(0, [0, 0, 300, 300], true)];
    const found = judge([detection(0, [10, 10, 40, 40]), detection(1, [10, 10, 40, 40])], crowd);
    expect(found.detections.map(({ kind }) => kind)).toEqual(["detection", "background"]);
    expect(found.missed).toEqual([]);
  });
});
