import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { unletterbox } from "../../src/image/frame-map.js";
import { planLetterbox } from "../../src/image/letterbox.js";
import { rescale } from "../../src/kernels/range.js";
import { resizeWithRange } from "../../src/kernels/resample.js";
import { ScaledMap, type Scaling } from "../../src/kernels/scaled-map.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { floats } from "../support/noise.js";

const SCALING: Scaling = [0.3, 1.7, 0.9];

const mapOf = (height: number, width: number, seed: number): Map2D => {
  return { height, width, data: floats(height * width, seed) };
};

/** One step after the other. */
function scaled({ height, width, data }: Map2D, [low, divisor, maximum]: Scaling): Map2D {
  const copy = data.slice();
  rescale(copy, low, divisor, 1);
  rescale(copy, 0, maximum, 1);
  return { height, width, data: copy };
}

/** Of large maps a difference takes minutes to print. */
function sameBytes({ data: one }: Map2D, { data: other }: Map2D): boolean {
  return Buffer.compare(Buffer.from(one.buffer), Buffer.from(other.buffer)) === 0;
}

describe("a scaled map", () => {
  it("is scaled when it is first read, and then no more", () => {
    const map = mapOf(5, 7, 1);
    const [raw, wanted] = [map.data.slice(), scaled(map, SCALING).data];
    const one = new ScaledMap(map, SCALING);
    expect(map.data).toEqual(raw);
    expect(one.data).toEqual(wanted);
    expect(one.data).toEqual(wanted);
    expect(one.unread()).toEqual([{ ...map, data: wanted }, undefined]);
  });

  it("is divided again, as often as one likes, before and after it is read, and no longer knows its maximum", () => {
    const map = mapOf(4, 9, 2);
    const wanted = scaled(scaled(scaled(map, [1, 3, 1]), [0, 1, 0.7]), [0, 0.9, 1.3]).data;
    const one = new ScaledMap(map, [1, 3, 1], 8);
    one.divide(0.7);
    expect(one.maximum).toBeUndefined();
    one.divide(0.9);
    expect(one.data.length).toBe(36);
    one.divide(1.3);
    expect(one.data).toEqual(wanted);
  });

  const side = fc.integer({ min: 1, max: 70 });
  const seed = fc.integer({ min: 1, max: 99_999 });

  it("of any size is resized as if it had been read, and its values stay as they are", () => {
    fc.assert(
      fc.property(side, side, side, side, seed, (h, w, H, W, start) => {
        const map = mapOf(h, w, start);
        const raw = { ...map, data: map.data.slice() };
        const [got, wanted] = [resizeWithRange(map, H, W, SCALING), resizeWithRange(scaled(map, SCALING), H, W)];
        expect([sameBytes(got.map, wanted.map), got.range]).toEqual([true, wanted.range]);
        expect(sameBytes(map, raw)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [480, 640],
    [900, 1200],
    [640, 427],
  ])("of the input goes to a picture [%i, %i] as if it had been read", (height, width) => {
    const plan = planLetterbox([height, width], { size: [480, 640], stride: 32, fixed: true });
    const map = mapOf(480, 640, 3);
    const wanted = unletterbox(scaled(map, SCALING), plan);
    const one = new ScaledMap(map, SCALING);
    expect(sameBytes(unletterbox(one, plan), wanted)).toBe(true);
    expect(sameBytes(one, scaled(mapOf(480, 640, 3), SCALING))).toBe(true);
    expect(sameBytes(unletterbox(one, plan), wanted)).toBe(true);
  });
});

describe("without WebAssembly", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("a map is scaled on the way all the same, and stays as it is", async () => {
    const map = mapOf(9, 7, 4);
    const [raw, wanted] = [map.data.slice(), resizeWithRange(map, 12, 5, SCALING)];
    vi.resetModules();
    vi.stubGlobal("WebAssembly", undefined);
    const bare = await import("../../src/kernels/resample.js");
    expect(bare.resizeWithRange(map, 12, 5, SCALING)).toEqual(wanted);
    expect(map.data).toEqual(raw);
  });
});
