import { grids } from "@whybox/report";
import { describe, expect, it } from "vitest";
import { outsideOf } from "../../src/report/outside.js";

const side = grids.image;
const size = [side * 10, side * 20] as const;

/** A map that is hot in some cells: [column, row, value]. */
function mapOf(...cells: readonly (readonly [number, number, number])[]): Uint8Array {
  const map = new Uint8Array(side ** 2);
  for (const [x, y, value] of cells) map[y * side + x] = value;
  return map;
}

describe("outsideOf", () => {
  it("names the box with the most heat outside the own box", () => {
    const map = mapOf([2, 2, 100], [20, 20, 60], [10, 20, 40]);
    const boxes = [
      [40, 20, 60, 30],
      [190, 190, 230, 220],
      [400, 200, 420, 210],
    ] as const;
    const { other, onOther, side: where } = outsideOf(map, size, boxes, 0);
    expect([other, where]).toEqual([2, "right"]);
    expect(onOther).toBeCloseTo(0.3, 12);
  });

  it("counts heat in both boxes as inside", () => {
    const map = mapOf([2, 2, 100], [3, 2, 100]);
    const [own, around] = [
      [40, 20, 60, 30],
      [0, 0, 640, 320],
    ] as const;
    expect(outsideOf(map, size, [own, around], 0)).toMatchObject({ other: 1, side: "right" });
    expect(outsideOf(map, size, [own, around], 0).onOther).toBeCloseTo(0.5, 12);
    expect(outsideOf(map, size, [own, around], 1)).toEqual({ other: -1, onOther: 0, side: "none" });
  });

  it("splits a cell by area", () => {
    const map = mapOf([2, 2, 200]);
    const quarter = [50, 25, 60, 30] as const;
    expect(outsideOf(map, size, [[0, 0, 1, 1], quarter], 0).onOther).toBeCloseTo(0.25, 12);
  });

  it("finds the side", () => {
    const box = [300, 150, 340, 170] as const;
    const of = (x: number, y: number) => outsideOf(mapOf([x, y, 9]), size, [box], 0).side;
    expect([of(1, 15), of(30, 15), of(15, 1), of(15, 30)]).toEqual(["left", "right", "above", "below"]);
    expect(of(15, 15)).toBe("none");
    expect(outsideOf(new Uint8Array(side ** 2), size, [box], 0)).toEqual({ other: -1, onOther: 0, side: "none" });
  });
});
