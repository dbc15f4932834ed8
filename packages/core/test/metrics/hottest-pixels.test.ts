import { expect, it } from "vitest";
import { hottestPixels } from "../../src/metrics/hottest-pixels.js";

const map = (width: number, ...data: number[]) => ({
  width,
  height: data.length / width,
  data: Float32Array.from(data),
});

it("marks the hottest share, of the map or of a box in it", () => {
  const heat = map(4, 0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6);
  expect([...hottestPixels(heat, 0.5)]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  expect([...hottestPixels(heat, 0)]).toEqual(Array(8).fill(0));
  expect([...hottestPixels(heat, 1)]).toEqual(Array(8).fill(1));
  const within = { x1: 0, y1: 0, x2: 2, y2: 2 };
  expect([...hottestPixels(heat, 0.5, within)]).toEqual([0, 1, 0, 0, 0, 1, 0, 0]);
});

it("takes pixels with equal heat in random order, so that they do not look like a region", () => {
  const marked = hottestPixels(map(20, ...Array(400).fill(0)), 0.5);
  const [top, bottom] = [marked.subarray(0, 200), marked.subarray(200)].map((half) => half.reduce((a, b) => a + b, 0));
  expect(top! + bottom!).toBe(200);
  expect(Math.abs(top! - bottom!)).toBeLessThan(60);
});
