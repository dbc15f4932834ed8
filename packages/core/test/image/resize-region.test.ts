import { describe, expect, it } from "vitest";
import { resizeRegion } from "../../src/image/resize-region.js";

const source = { height: 2, width: 4, data: [1, 2, 3, 4, 5, 6, 7, 8] };
const whole = { left: 0, top: 0, right: 4, bottom: 2 };
const values = (data: Float32Array) => [...data].map((value) => Math.round(value * 1000) / 1000);

describe("resizeRegion", () => {
  it("takes the mean over the area of a pixel when it shrinks", () => {
    expect(values(resizeRegion(source, 1, whole, [1, 2]))).toEqual([3.5, 5.5]);
    // Three output pixels of 4/3 each: the second is 2/3 of one source pixel and 2/3 of the next.
    expect(values(resizeRegion(source, 1, { ...whole, bottom: 1 }, [1, 3]))).toEqual([1.25, 2.5, 3.75]);
  });

  it("begins where the region does, in both directions", () => {
    const square = { height: 4, width: 4, data: Array.from({ length: 16 }, (_, i) => i) };
    const corner = { left: 2, top: 2, right: 4, bottom: 4 };
    expect(values(resizeRegion(square, 1, corner, [2, 2]))).toEqual([10, 11, 14, 15]);
    expect(values(resizeRegion(square, 1, corner, [1, 1]))).toEqual([12.5]);
    expect(values(resizeRegion(square, 1, corner, [3, 2]))).toEqual([10, 11, 12, 13, 14, 15]);
  });

  it("interpolates when it grows, and repeats the edge", () => {
    const region = { left: 1, top: 0, right: 3, bottom: 1 };
    expect(values(resizeRegion(source, 1, region, [1, 4]))).toEqual([2, 2.25, 2.75, 3]);
  });

  it("copies at the same size, channels apart, and reads nothing outside of the region", () => {
    const rgb = { height: 1, width: 3, data: [1, 2, 3, 4, 5, 6, Number.NaN, Number.NaN, Number.NaN] };
    const region = { left: 0, top: 0, right: 2, bottom: 1 };
    expect(values(resizeRegion(rgb, 3, region, [1, 2]))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(values(resizeRegion(rgb, 3, { ...region, left: 1 }, [1, 2]))).toEqual([4, 5, 6, 4, 5, 6]);
    expect(values(resizeRegion(rgb, 3, region, [1, 1]))).toEqual([2.5, 3.5, 4.5]);
  });
});
