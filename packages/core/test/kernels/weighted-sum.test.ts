import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { kernels } from "../../src/kernels/memory.js";
import { addFours, addFoursScalar, weightedSum } from "../../src/kernels/weighted-sum.js";
import { floats } from "../support/noise.js";

const places = (count: number) => Array.from({ length: count }, (_, c) => c);

describe("four channels at a time, the kernel and JavaScript", () => {
  const found = kernels()!;

  it("agree to the last bit, whatever the channels hold, and however many go through the memory at once", () => {
    const sizes = { fours: fc.integer({ min: 0, max: 9 }), cells: fc.integer({ min: 1, max: 2100 }) };
    fc.assert(
      fc.property(fc.record({ ...sizes, seed: fc.integer({ min: 1, max: 99_999 }) }), ({ fours, cells, seed }) => {
        const data = floats((4 * fours + 3) * cells, seed);
        const special = [Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-45, -3e38];
        for (let i = seed % 7; i < data.length; i += 13) data[i] = special[i % 5]!;
        const weights = Float64Array.from(floats(4 * fours + 3, seed + 1), (value) => value / 3);
        // Some are left out between them.
        const channels = places(4 * fours + 3).filter((c) => c !== 0 && c !== 2 && c !== 6);
        channels.length -= channels.length % 4;
        const sum = addFours(found, data, cells, weights, channels);
        expect(sum!.slice()).toEqual(addFoursScalar(data, cells, weights, channels));
      }),
      { numRuns: 100 },
    );
  });

  it("of maps too large for the memory only JavaScript has the sum", () => {
    const cells = 50_000;
    const data = floats(4 * cells, 3);
    expect(addFours(found, data, cells, [1, 2, 3, 4], places(4))).toBeUndefined();
    const wanted = new Float32Array(addFoursScalar(data, cells, [1, 2, 3, 4], places(4)));
    expect(weightedSum({ dims: [4, 200, 250], data }, [1, 2, 3, 4])).toEqual({ height: 200, width: 250, data: wanted });
  });
});

describe("the weighted sum", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  const values = { dims: [11, 5, 7], data: floats(11 * 35, 4) };
  const weights = [0.1, -2, 0, 3, 1e-3, 0.7, 5, -0.2, 9, 0, 1 / 3];

  it("is the sum of the products", () => {
    const exact = places(35).map((i) => weights.reduce((sum, weight, c) => sum + weight * values.data[c * 35 + i]!, 0));
    const size = Math.max(...values.data.map(Math.abs));
    for (const [i, value] of weightedSum(values, weights).data.entries())
      expect(Math.abs(value - exact[i]!)).toBeLessThan(1e-6 * size);
  });

  it("is the same without WebAssembly", async () => {
    const wanted = weightedSum(values, weights);
    vi.resetModules();
    vi.stubGlobal("WebAssembly", undefined);
    const { weightedSum: plain } = await import("../../src/kernels/weighted-sum.js");
    expect(plain(values, weights)).toEqual(wanted);
  });
});
