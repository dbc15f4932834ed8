import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { instanceMask } from "../../../src/detector/tasks/masks.js";
import { planLetterbox } from "../../../src/image/letterbox.js";
import { MaskWriter, maskArea, maskPixels } from "../../../src/image/mask.js";
import type { Tensor } from "../../../src/tensor/tensor.js";

interface Case {
  readonly image: [number, number];
  readonly input: [number, number];
  readonly box: [number, number, number, number];
  readonly coefficients: number[];
  readonly counts: number[];
}

const cases: Case[] = JSON.parse(
  readFileSync(new URL("../../../../../fixtures/tasks/masks.json", import.meta.url), "utf8"),
);

/** As fixtures/make/task-numbers.py makes them. */
function prototypes(channels: number, height: number, width: number): Tensor {
  const data = Float32Array.from({ length: channels * height * width }, (_, i) => {
    const [e, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    return Math.round(64 * Math.sin(0.13 * (e + 1) * x + 0.09 * (e + 2) * y + e)) / 64;
  });
  return { dims: [channels, height, width], data };
}

describe("instanceMask", () => {
  it.each(cases)("is Ultralytics' retina mask: $image in $input, box $box", ({ image, input, box, ...wanted }) => {
    const letterbox = planLetterbox(image, { size: input, stride: 32, fixed: true });
    const [x1, y1, x2, y2] = box;
    const protos = prototypes(3, input[0] / 4, input[1] / 4);
    const found = instanceMask(wanted.coefficients, protos, { frame: "image", x1, y1, x2, y2 }, letterbox);
    expect(found.size).toEqual(image);
    const [own, theirs] = [maskPixels(found), maskPixels({ size: image, counts: wanted.counts })];
    const differing = own.reduce((sum, pixel, i) => sum + (pixel === theirs[i] ? 0 : 1), 0);
    // Ultralytics adds in float32: a pixel whose logit is zero but for rounding may fall to either side.
    expect(differing).toBeLessThanOrEqual(1);
  });

  it("has pixels on and off in most of the cases", () => {
    expect(cases.filter(({ counts }) => counts.length > 10).length).toBeGreaterThan(8);
  });

  it("of a box without pixels is empty", () => {
    const letterbox = planLetterbox([64, 64], { size: [64, 64], stride: 32, fixed: true });
    const found = instanceMask([1], prototypes(1, 16, 16), { frame: "image", x1: 70, y1: 3, x2: 90, y2: 3 }, letterbox);
    expect(found).toEqual({ size: [64, 64], counts: [64 * 64] });
    expect(maskArea(found)).toBe(0);
  });
});

describe("a run-length encoded mask", () => {
  it("goes column by column, first the pixels that are not set", () => {
    const writer = new MaskWriter();
    for (const value of [1, 1, 0, 1, 0, 0]) writer.add(value === 1);
    const mask = writer.finish([2, 3]);
    expect(mask.counts).toEqual([0, 2, 1, 1, 2]);
    expect([...maskPixels(mask)]).toEqual([1, 0, 0, 1, 1, 0]);
    expect(maskArea(mask)).toBe(3);
  });
});
