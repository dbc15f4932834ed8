import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellToInput, toImage, toInput, unletterbox } from "../../src/image/frame-map.js";
import { planLetterbox } from "../../src/image/letterbox.js";

const PLAN = planLetterbox([720, 1280], { size: [640, 640], stride: 32, fixed: false });

describe("boxes", () => {
  it("go from the input to the image", () => {
    expect(toImage({ frame: "input", x1: 100, y1: 112, x2: 200, y2: 212 }, PLAN)).toEqual({
      frame: "image",
      x1: 200,
      y1: 200,
      x2: 400,
      y2: 400,
    });
  });

  it("are clipped to the image", () => {
    expect(toImage({ frame: "input", x1: -5, y1: 0, x2: 700, y2: 384 }, PLAN)).toEqual({
      frame: "image",
      x1: 0,
      y1: 0,
      x2: 1280,
      y2: 720,
    });
  });

  it("come back where they were, for any image", () => {
    const side = fc.integer({ min: 1, max: 3000 });
    fc.assert(
      fc.property(side, side, fc.boolean(), fc.constantFrom("centre", "end"), (h, w, fixed, padding) => {
        const plan = planLetterbox([h, w], { size: [320, 640], stride: 32, fixed, padding });
        const box = { frame: "image", x1: w * 0.25, y1: h * 0.125, x2: w, y2: h * 0.75 } as const;
        const back = toImage(toInput(box, plan), plan);
        for (const side of ["x1", "y1", "x2", "y2"] as const) expect(back[side]).toBeCloseTo(box[side], 6);
      }),
    );
  });

  it("of a cell cover its stride", () => {
    expect(cellToInput([2, 1], 16)).toEqual({ frame: "input", x1: 32, y1: 16, x2: 48, y2: 32 });
  });
});

describe("unletterbox", () => {
  it("cuts off padding that is all at the end", () => {
    const plan = planLetterbox([2, 4], { size: [4, 2], stride: 1, fixed: true, padding: "end" });
    const map = { height: 4, width: 2, data: Float32Array.of(1, 2, 9, 9, 9, 9, 9, 9) };
    expect(unletterbox(map, plan)).toMatchObject({ height: 2, width: 4 });
    expect(Math.max(...unletterbox(map, plan).data)).toBe(2);
  });

  it("cuts the padding off and enlarges the rest", () => {
    const plan = planLetterbox([2, 4], { size: [4, 2], stride: 1, fixed: true });
    expect(plan).toMatchObject({ contentSize: [1, 2], padTop: 1 });
    const map = { height: 4, width: 2, data: Float32Array.of(9, 9, 0, 1, 9, 9, 9, 9) };
    expect(unletterbox(map, plan)).toEqual({
      height: 2,
      width: 4,
      data: Float32Array.of(0, 0.25, 0.75, 1, 0, 0.25, 0.75, 1),
    });
  });

  it("rejects a map that does not have the size of the input", () => {
    const map = { height: 2, width: 2, data: new Float32Array(4) };
    expect(() => unletterbox(map, PLAN)).toThrow(expect.objectContaining({ code: "internal" }));
  });
});
