import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { kernels } from "../../src/kernels/memory.js";
import { rangeOf, rangeOfScalar, rescale, rescaleScalar } from "../../src/kernels/range.js";
import { resizeBilinear, resizeRgb, resizeWithRange } from "../../src/kernels/resample.js";
import { resizeFloatsScalar, resizeRgbScalar } from "../../src/kernels/resample-scalar.js";
import { resizeBytes, resizeFloats } from "../../src/kernels/resample-simd.js";
import type { BytePixels } from "../../src/kernels/rgb-planes.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { floats, noise } from "../support/noise.js";

type Sides = readonly [height: number, width: number];

const found = kernels()!;

function emptyMap([height, width]: Sides): Map2D {
  return { height, width, data: new Float32Array(height * width) };
}

function plainMap(map: Map2D, to: Sides): Map2D {
  const target = emptyMap(to);
  resizeFloatsScalar(map, target);
  return target;
}

/** Around the image there is room: `margin` above, left and below, one more at the right. */
function planesOf([height, width]: Sides, margin: number) {
  const size = { height: height + 2 * margin, width: width + (margin > 0 ? 2 * margin + 1 : 0) };
  return { ...size, data: new Float32Array(3 * size.height * size.width).fill(-1), top: margin, left: margin };
}

function expectSameBytes(image: BytePixels, to: Sides, margin: number): void {
  const got = planesOf(to, margin);
  const want = planesOf(to, margin);
  expect(resizeBytes(found, image, to, got)).toBe(true);
  resizeRgbScalar(image, to, want);
  expect(Buffer.compare(Buffer.from(got.data.buffer), Buffer.from(want.data.buffer))).toBe(0);
}

/** Vitest's equality tells −0 from 0 and takes NaN for NaN. */
function expectSameFloats(map: Map2D, to: Sides): void {
  const got = emptyMap(to);
  const want = plainMap(map, to);
  const range = resizeFloats(found, { values: map }, got);
  if (map.width === 1) {
    // A row of one value is left to the plain way.
    expect(range).toBeUndefined();
    return;
  }
  expect(firstDifference(got.data, want.data)).toBeUndefined();
  expect(range).toEqual(rangeOfScalar(want.data));
}

function firstDifference(got: Float32Array, want: Float32Array): unknown {
  const at = got.findIndex((value, i) => !Object.is(value, want[i]));
  return at < 0 ? undefined : { at, got: got[at], want: want[at] };
}

/** Sizes with a reason: single pixels and lines, odd, the same, exact halving, larger, many bands, rows apart, rows that are long. */
const sizes: readonly [from: Sides, to: Sides][] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [1, 1],
    [5, 7],
  ],
  [
    [9, 7],
    [1, 1],
  ],
  [
    [1, 50],
    [3, 7],
  ],
  [
    [50, 1],
    [7, 3],
  ],
  [
    [2, 2],
    [3, 3],
  ],
  [
    [6, 5],
    [6, 5],
  ],
  [
    [48, 64],
    [24, 32],
  ],
  [
    [46, 62],
    [23, 31],
  ],
  [
    [15, 20],
    [480, 640],
  ],
  [
    [576, 768],
    [480, 640],
  ],
  [
    [480, 640],
    [577, 769],
  ],
  [
    [1201, 1603],
    [479, 641],
  ],
  [
    [2500, 40],
    [11, 640],
  ],
  [
    [3, 20_000],
    [2, 5000],
  ],
];

describe("the kernels", () => {
  it("are what the text assembles to", () => {
    const script = resolve(import.meta.dirname, "../../../../scripts/build-kernels.mjs");
    const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("run here, so that the tests below compare two things", () => {
    expect(found).toBeDefined();
    expect(kernels()).toBe(found);
  });
});

describe("resizing with the kernels equals resizing the scalar way", () => {
  it.each(sizes)("bytes, %j to %j", (from, to) => {
    const image = { height: from[0], width: from[1], data: noise(from[0] * from[1] * 3, 7) };
    expectSameBytes(image, to, 0);
    expectSameBytes(image, to, 2);
  });

  it.each(sizes)("floats, %j to %j", (from, to) => {
    expectSameFloats({ height: from[0], width: from[1], data: floats(from[0] * from[1], 7) }, to);
  });

  const side = fc.integer({ min: 1, max: 70 });
  const seed = fc.integer({ min: 1, max: 99_999 });

  it("bytes of any size, the brightest and darkest among them", () => {
    fc.assert(
      fc.property(side, side, side, side, seed, fc.integer({ min: 0, max: 3 }), (h, w, H, W, start, margin) => {
        const data = noise(h * w * 3, start).map((byte) => (byte < 60 ? 0 : byte > 190 ? 255 : byte));
        expectSameBytes({ height: h, width: w, data }, [H, W], margin);
      }),
      { numRuns: 300 },
    );
  });

  it("floats of any size, NaN, infinity and −0 among them", () => {
    fc.assert(
      fc.property(side, side, side, side, seed, fc.boolean(), (h, w, H, W, start, odd) => {
        const data = floats(h * w, start);
        const special = [Number.NaN, Number.POSITIVE_INFINITY, -0, 0, Number.NEGATIVE_INFINITY, 1e-45, -3e38];
        if (odd) for (let i = 0; i < data.length; i++) if (i % 5 !== 0) data[i] = special[(i + start) % 7]!;
        expectSameFloats({ height: h, width: w, data }, [H, W]);
      }),
      { numRuns: 300 },
    );
  });

  it("leaves rows that are too long for the memory to the plain way", () => {
    const map = { height: 1, width: 300_000, data: floats(300_000, 3) };
    expect(resizeFloats(found, { values: map }, emptyMap([2, 5]))).toBeUndefined();
    expect(resizeFloats(found, { values: { ...map, width: 4 } }, emptyMap([1, 60_000]))).toBeUndefined();
    expect(resizeBilinear(map, 2, 5)).toEqual(plainMap(map, [2, 5]));
    const image = { height: 1, width: 400_000, data: noise(1_200_000, 3) };
    const [got, want] = [planesOf([2, 5], 1), planesOf([2, 5], 1)];
    expect(resizeBytes(found, image, [2, 5], got)).toBe(false);
    expect(got).toEqual(want);
    resizeRgb(image, [2, 5], got);
    resizeRgbScalar(image, [2, 5], want);
    expect(got).toEqual(want);
  });
});

describe("ranges", () => {
  const cases: readonly [string, Float32Array][] = [
    ["nothing", new Float32Array()],
    ["one value", Float32Array.of(-3)],
    ["NaN", Float32Array.of(Number.NaN, Number.NaN)],
    ["zeros of both signs", Float32Array.of(-0, 0, -0, -0, -0)],
    ["zeros that are least, −0 in the first lane", Float32Array.of(1, 1, 0, 1, -0, 1, 1, 1)],
    ["zeros that are largest, −0 in the first lane", Float32Array.of(-1, -1, 0, -1, -0, -1, -1, -1)],
    ["infinities beside NaN", Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)],
    ["more than one piece", floats(40_003, 5)],
    ["positive values, the last vector not full", floats(16_386, 5).map(Math.abs)],
    ["negative values, the last vector not full", floats(16_385, 6).map((value) => -Math.abs(value) - 1)],
  ];

  it.each(cases)("of %s are found, and scaled, as in JavaScript", (_, data) => {
    const { low, high } = rangeOfScalar(data);
    expect(rangeOf(data)).toEqual({ low, high });
    const [got, want] = [data.slice(), data.slice()];
    rescale(got, { low: low, divisor: high + 0.3, maximum: 0.7 });
    rescaleScalar(want, { low: low, divisor: high + 0.3, maximum: 0.7 });
    expect(firstDifference(got, want)).toBeUndefined();
  });

  it("are those of the values, by hand", () => {
    expect(rangeOf(Float32Array.of(3, Number.NaN, -2, 7, 1))).toEqual({ low: -2, high: 7 });
    expect(rangeOf(Float32Array.of(Number.NaN))).toEqual({
      low: Number.POSITIVE_INFINITY,
      high: Number.NEGATIVE_INFINITY,
    });
    const values = Float32Array.of(1, 2, 5);
    rescale(values, { low: 1, divisor: 4, maximum: 1 });
    expect(values).toEqual(Float32Array.of(0, 0.25, 1));
    rescale(values, { low: -1, divisor: 0.5, maximum: 2 });
    expect(values).toEqual(Float32Array.of(1, 1.25, 2));
    expect(
      resizeWithRange({ values: { height: 1, width: 2, data: Float32Array.of(4, 8) } }, { height: 1, width: 4 }).range,
    ).toEqual({
      low: 4,
      high: 8,
    });
  });
});

describe("without WebAssembly", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  const refusing = {
    Module: class {
      constructor() {
        throw new Error("refused by the page's policy");
      }
    },
  };

  it.each([
    ["there is none", undefined],
    ["it is refused", refusing],
  ])("the same comes out: %s", async (_, host) => {
    vi.resetModules();
    vi.stubGlobal("WebAssembly", host);
    const bare = await import("../../src/kernels/resample.js");
    const { kernels: none } = await import("../../src/kernels/memory.js");
    const range = await import("../../src/kernels/range.js");
    expect(none()).toBeUndefined();
    const map = { height: 9, width: 7, data: floats(63, 2) };
    const [source, target] = [{ values: map }, { height: 12, width: 5 }];
    expect(bare.resizeWithRange(source, target)).toEqual(resizeWithRange(source, target));
    const image = { height: 9, width: 7, data: noise(189, 2) };
    const [got, want] = [planesOf([5, 11], 1), planesOf([5, 11], 1)];
    bare.resizeRgb(image, [5, 11], got);
    resizeRgb(image, [5, 11], want);
    expect(got).toEqual(want);
    const values = map.data.slice();
    range.rescale(values, { low: -1, divisor: 3, maximum: 0.9 });
    rescale(map.data, { low: -1, divisor: 3, maximum: 0.9 });
    expect(values).toEqual(map.data);
    expect(range.rangeOf(values)).toEqual(rangeOf(values));
  });
});
