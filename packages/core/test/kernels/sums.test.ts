import { afterEach, describe, expect, it, vi } from "vitest";
import { kernels } from "../../src/kernels/memory.js";
import { allFinite, positiveSum } from "../../src/kernels/range.js";
import { floats } from "../support/noise.js";

const LENGTHS = [0, 1, 2, 3, 4, 5, 63, 16_383, 16_384, 16_385, 40_003];

/** Made before they are taken away, and there, so that two things are compared. */
const found = kernels();
it("the kernels run here", () => expect(found).toBeDefined());

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

async function withoutKernels() {
  vi.resetModules();
  vi.stubGlobal("WebAssembly", undefined);
  return await import("../../src/kernels/range.js");
}

describe("the sum of positive values", () => {
  it("passes over what is negative or NaN", () => {
    expect(positiveSum(Float32Array.of(-1, 2, Number.NaN, 4, 0.5, -0, -8))).toBe(6.5);
    expect(positiveSum(Float32Array.of(5))).toBe(5);
    expect(positiveSum(new Float32Array())).toBe(0);
  });

  it.each(LENGTHS)("of %i values is the same without WebAssembly, to the last bit, and right", async (length) => {
    const data = floats(length, 5);
    for (let i = 2; i < length; i += 9) data[i] = Number.NaN;
    const sum = positiveSum(data);
    expect(sum).toBe((await withoutKernels()).positiveSum(data));
    const exact = data.reduce((total, value) => (value > 0 ? total + value : total), 0);
    expect(Math.abs(sum - exact)).toBeLessThanOrEqual(1e-12 * exact);
  });
});

describe("finite values", () => {
  it.each(LENGTHS)("%i of them are, and are not with one that is not, wherever it is", async (length) => {
    const data = floats(length, 6);
    const plain = await withoutKernels();
    expect([allFinite(data), plain.allFinite(data)]).toEqual([true, true]);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const at of [0, 1, 2, 3, length >> 1, length - 5, length - 2, length - 1].filter((i) => i in data)) {
        const one = data.slice();
        one[at] = bad;
        expect([at, allFinite(one), plain.allFinite(one)]).toEqual([at, false, false]);
      }
    }
  });

  it("may be the largest there are", () => {
    expect(allFinite(Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0))).toBe(true);
  });
});
