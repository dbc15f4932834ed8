import { describe, expect, it } from "vitest";
import { firstPlace, type LabelRequest, placeLabels } from "../src/stage/labels.js";

const photo = { width: 400, height: 300 };
const label = (x1: number, y1: number, x2: number, y2: number, width = 80): LabelRequest => {
  return { x1, y1, x2, y2, width, height: 20 };
};

describe("labels over a photo", () => {
  it("are inside at the top of their box if there is room", () => {
    expect(placeLabels([label(50, 60, 200, 200)], photo)).toEqual([{ left: 50, top: 60 }]);
  });

  it("are above a box that is not high enough", () => {
    expect(placeLabels([label(50, 60, 200, 90)], photo)).toEqual([{ left: 50, top: 40 }]);
  });

  it("never overlap, and earlier labels are placed first", () => {
    const places = placeLabels([label(50, 60, 200, 200), label(52, 62, 210, 200), label(54, 64, 120, 90)], photo);
    expect(places[0]).toEqual({ left: 50, top: 60 });
    const placed = places.filter((place) => place !== undefined);
    expect(placed.length).toBe(3);
    for (const [i, a] of placed.entries()) {
      for (const b of placed.slice(i + 1)) {
        expect(Math.abs(a.left - b.left) >= 80 || Math.abs(a.top - b.top) >= 20, JSON.stringify([a, b])).toBe(true);
      }
    }
  });

  it("are omitted if there is no room", () => {
    const crowd = Array.from({ length: 9 }, () => label(10, 10, 90, 80));
    const places = placeLabels(crowd, photo);
    expect(places.slice(0, 2).every((place) => place !== undefined)).toBe(true);
    expect(places.at(-1)).toBeUndefined();
  });

  it("stay in the photo for any length and any position of the box", () => {
    for (const one of [label(380, 290, 400, 300), label(-20, -10, 30, 100, 390), label(390, 0, 400, 300, 400)]) {
      const { left, top } = firstPlace(one, photo);
      expect(left >= 0 && left + one.width <= photo.width, String(left)).toBe(true);
      expect(top >= 0 && top + one.height <= photo.height, String(top)).toBe(true);
    }
  });
});
