import { describe, expect, it } from "vitest";
import { cropByHeatmap } from "../../src/image/crop.js";
import { renderOverlay } from "../../src/image/overlay.js";

/** Four pixels with the mean [25, 50, 1.5]. */
const image = {
  height: 2,
  width: 2,
  data: Uint8Array.from([0, 20, 1, 100, 80, 2, 0, 100, 1, 0, 0, 2]),
};
const mean = [25, 50, 2];
const pixel = (i: number) => [...image.data.subarray(i * 3, i * 3 + 3)];
const heatmap = { height: 2, width: 2, data: Float32Array.of(1e-6, 0, Number.NaN, 1) };

describe("cropByHeatmap", () => {
  it("puts the mean colour where there is heat, however little, and keeps the rest", () => {
    const { height, width, data } = cropByHeatmap(image, heatmap, "rest");
    expect([height, width]).toEqual([2, 2]);
    expect([...data]).toEqual([...mean, ...pixel(1), ...pixel(2), ...mean]);
  });

  it("has a complement: each pixel is kept by exactly one of the two", () => {
    expect([...cropByHeatmap(image, heatmap, "hot").data]).toEqual([...pixel(0), ...mean, ...mean, ...pixel(3)]);
  });

  it("leaves its input alone", () => {
    const before = [...image.data];
    cropByHeatmap(image, heatmap, "rest");
    expect([...image.data]).toEqual(before);
  });

  it("refuses a heatmap of another size, and pixels that do not fit the size", () => {
    const small = { height: 1, width: 2, data: new Float32Array(2) };
    expect(() => cropByHeatmap(image, small, "rest")).toThrow(/heatmap is \[1, 2\]/);
    expect(() => cropByHeatmap({ ...image, width: 3 }, heatmap, "rest")).toThrow(/interleaved RGB without alpha/);
  });
});

describe("renderOverlay with crop", () => {
  it("draws the crop in place of the heatmap's colours, beside the whole image", () => {
    const drawn = renderOverlay(image, heatmap, { crop: "rest", sideBySide: true });
    expect(drawn.width).toBe(6);
    expect([...drawn.data.subarray(0, 6)]).toEqual([...pixel(0), ...pixel(1)]);
    expect([...drawn.data.subarray(12, 18)]).toEqual([...mean, ...pixel(1)]);
  });

  it("cuts nothing out when there is no heat", () => {
    const cold = { height: 2, width: 2, data: new Float32Array(4) };
    expect([...renderOverlay(image, cold, { crop: "hot" }).data]).toEqual([...image.data]);
  });
});
