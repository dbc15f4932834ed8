import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { unletterbox, unletterboxScaled } from "../../src/image/frame-map.js";
import { planLetterbox } from "../../src/image/letterbox.js";
import { rescale } from "../../src/kernels/range.js";
import { resizeWithRange } from "../../src/kernels/resample.js";
import type { Scaling } from "../../src/kernels/scaling.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { floats } from "../support/noise.js";

const SCALING: Scaling = { low: 0.3, divisor: 1.7, maximum: 0.9 };

const mapOf = (height: number, width: number, seed: number): Map2D => {
  return { height, width, data: floats(height * width, seed) };
};

/** One step after the other. */
function scaled({ height, width, data }: Map2D, { low, divisor, maximum }: Scaling): Map2D {
  const copy = data.slice();
  rescale(copy, { low, divisor, maximum: 1 });
  rescale(copy, { low: 0, divisor: maximum, maximum: 1 });
  return { height, width, data: copy };
}

/** Of large maps a difference takes minutes to print. */
function sameBytes({ data: one }: Map2D, { data: other }: Map2D): boolean {
  return Buffer.compare(Buffer.from(one.buffer), Buffer.from(other.buffer)) === 0;
}

describe("a map that is still to be scaled", () => {
  const side = fc.integer({ min: 1, max: 70 });
  const seed = fc.integer({ min: 1, max: 99_999 });

  it("of any size is resized as if it had been scaled first, and its values stay as they are", () => {
    fc.assert(
      fc.property(side, side, side, side, seed, (h, w, height, width, start) => {
        const values = mapOf(h, w, start);
        const raw = { ...values, data: values.data.slice() };
        const target = { height, width };
        const got = resizeWithRange({ values, scaling: SCALING }, target);
        const wanted = resizeWithRange({ values: scaled(values, SCALING) }, target);
        expect([sameBytes(got.map, wanted.map), got.range]).toEqual([true, wanted.range]);
        expect(sameBytes(values, raw)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [480, 640],
    [900, 1200],
    [640, 427],
  ])("of the input goes to an image [%i, %i] as if it had been scaled first", (height, width) => {
    const plan = planLetterbox([height, width], { size: [480, 640], stride: 32, fixed: true });
    const values = mapOf(480, 640, 3);
    const wanted = unletterbox(scaled(values, SCALING), plan);
    expect(sameBytes(unletterboxScaled({ values, scaling: SCALING }, plan), wanted)).toBe(true);
    expect(sameBytes(values, mapOf(480, 640, 3))).toBe(true);
  });
});

describe("without WebAssembly", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("a map is scaled during the resize too, and its values stay as they are", async () => {
    const source = { values: mapOf(9, 7, 4), scaling: SCALING };
    const target = { height: 12, width: 5 };
    const [raw, wanted] = [source.values.data.slice(), resizeWithRange(source, target)];
    vi.resetModules();
    vi.stubGlobal("WebAssembly", undefined);
    const bare = await import("../../src/kernels/resample.js");
    expect(bare.resizeWithRange(source, target)).toEqual(wanted);
    expect(source.values.data).toEqual(raw);
  });
});
