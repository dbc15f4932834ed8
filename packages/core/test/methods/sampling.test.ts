import { describe, expect, it } from "vitest";
import { gaussLegendre } from "../../src/algebra/gauss-legendre.js";
import { weightedSum } from "../../src/kernels/weighted-sum.js";
import { cornerTaps } from "../../src/methods/corner-taps.js";
import { gridMasks } from "../../src/methods/grid-masks.js";

describe("cornerTaps", () => {
  const read = (values: readonly number[], target: number): number[] => {
    const { lower, upper, fraction } = cornerTaps(values.length, target);
    return Array.from(fraction, (t, d) => (1 - t) * values[lower[d]!]! + t * values[upper[d]!]!);
  };

  it.each([
    [[0, 1], 4, [0, 1 / 3, 2 / 3, 1]],
    [[0, 9, 0], 4, [0, 6, 6, 0]],
    [[0, 1, 5], 3, [0, 1, 5]],
    [[0, 1, 5, 2], 2, [0, 2]],
    [[7], 3, [7, 7, 7]],
    [[3, 9], 1, [3]],
  ])("resizes %j to %d with corners on corners", (values, target, wanted) => {
    read(values, target).forEach((value, i) => {
      expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-12);
    });
  });

  it("stays inside for any size", () => {
    for (const target of [2, 3, 7, 320, 641]) {
      for (const source of [2, 13, 20, 41]) {
        const { lower, upper, fraction } = cornerTaps(source, target);
        expect(Math.max(...upper)).toBeLessThan(source);
        expect(Math.min(...lower)).toBe(0);
        expect(fraction.every((t) => t >= 0 && t < 1)).toBe(true);
        expect(Math.abs(lower.at(-1)! + fraction.at(-1)! - (source - 1))).toBeLessThan(1e-9);
      }
    }
  });
});

describe("gaussLegendre", () => {
  it("has the known points and weights", () => {
    expect(gaussLegendre(1)).toEqual([{ point: 0.5, weight: 1 }]);
    const root = Math.sqrt(3 / 5) / 2;
    const known = [
      [0.5 - root, 5 / 18],
      [0.5, 8 / 18],
      [0.5 + root, 5 / 18],
    ];
    gaussLegendre(3).forEach(({ point, weight }, i) => {
      expect(Math.abs(point - known[i]![0]!)).toBeLessThan(1e-15);
      expect(Math.abs(weight - known[i]![1]!)).toBeLessThan(1e-15);
    });
  });

  it.each([2, 5, 32, 100, 300])("with %d points integrates polynomials of degree 2n − 1 and no higher", (count) => {
    const rule = gaussLegendre(count);
    const integral = (degree: number): number =>
      rule.reduce((sum, { point, weight }) => sum + weight * (2 * point - 1) ** degree, 0);
    for (const degree of [0, 1, 2, 3, 2 * count - 2, 2 * count - 1]) {
      expect(Math.abs(integral(degree) - (degree % 2 === 0 ? 1 / (degree + 1) : 0))).toBeLessThan(1e-12);
    }
    if (count < 10) expect(Math.abs(integral(2 * count) - 1 / (2 * count + 1))).toBeGreaterThan(1e-6);
  });
});

describe("gridMasks", () => {
  const options = { size: [50, 70], cells: 16, keep: 0.5, seed: 3 } as const;
  const draw = (numbers: readonly number[], given = options): Float32Array[] => {
    const { write } = gridMasks(given);
    return numbers.map((i) => {
      const into = new Float32Array(50 * 70).fill(Number.NaN);
      write(i, into);
      return into;
    });
  };

  it("depends on the seed and the number alone", () => {
    const [a, b, c] = draw([0, 1, 2]);
    expect(draw([2, 0])).toEqual([c, a]);
    expect(b).not.toEqual(a);
    expect(draw([0], { ...options, seed: 4 as 3 })[0]).not.toEqual(a);
  });

  it("lies in 0..1, is kept half of the time at every pixel, and changes by less than a cell's slope", () => {
    const masks = draw(Array.from({ length: 600 }, (_, i) => i));
    const mean = new Float64Array(50 * 70);
    let [across, down] = [0, 0];
    for (const mask of masks) {
      expect(mask.every((value) => value >= 0 && value <= 1)).toBe(true);
      mask.forEach((value, i) => {
        mean[i]! += value / masks.length;
        if (i % 70 !== 0) across = Math.max(across, Math.abs(value - mask[i - 1]!));
        if (i >= 70) down = Math.max(down, Math.abs(value - mask[i - 70]!));
      });
    }
    expect(Math.min(...mean)).toBeGreaterThan(0.4);
    expect(Math.max(...mean)).toBeLessThan(0.6);
    // A cell is ⌈70 / 16⌉ = 5 pixels wide and ⌈50 / 16⌉ = 4 high before it is enlarged by 17 / 16.
    expect(across).toBeCloseTo(16 / (17 * 5), 5);
    expect(down).toBeCloseTo(16 / (17 * 4), 5);
  });

  it("adds masks up, and masks times their weights, as if pixel by pixel", () => {
    const sums = gridMasks(options).sums();
    const numbers = [4, 0, 17, 300, 5, 6, 7, 8, 9, 10];
    for (const i of numbers) sums.add(i, i - 6);
    const { masks, weighted } = sums.read();
    const drawn = draw(numbers);
    for (let at = 0; at < masks.length; at++) {
      const sum = drawn.reduce((total, mask) => total + mask[at]!, 0);
      const weightedSum = drawn.reduce((total, mask, n) => total + (numbers[n]! - 6) * mask[at]!, 0);
      if (Math.abs(masks[at]! - sum) > 1e-5) expect(masks[at]).toBe(sum);
      if (Math.abs(weighted[at]! - weightedSum) > 1e-4) expect(weighted[at]).toBe(weightedSum);
    }
  });

  it("keeps all or nothing when told so, also on inputs smaller than the grid", () => {
    expect(draw([0], { ...options, keep: 1 as 0.5 })[0]!.every((value) => value === 1)).toBe(true);
    expect(draw([0], { ...options, keep: 0 as 0.5 })[0]!.every((value) => value === 0)).toBe(true);
    const small = new Float32Array(6).fill(Number.NaN);
    gridMasks({ ...options, size: [2, 3] }).write(0, small);
    expect(small.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it("puts the grid at random offsets of less than a cell", () => {
    // Along a row the slope is piecewise constant; where it changes tells the offset.
    const offsets = new Set<number>();
    for (const mask of draw(Array.from({ length: 200 }, (_, i) => i))) {
      for (let x = 2; x < 7; x++) {
        const bend = mask[x]! - 2 * mask[x - 1]! + mask[x - 2]!;
        if (Math.abs(bend) > 1e-3) {
          offsets.add(x);
          break;
        }
      }
    }
    expect(offsets.size).toBeGreaterThanOrEqual(4);
  });
});

describe("weighted channels", () => {
  const values = { dims: [2, 1, 2], data: Float32Array.of(1, 2, Number.NaN, 4) };

  it("adds them up, and leaves channels of weight zero out", () => {
    expect(weightedSum(values, [3, 0])).toEqual({ height: 1, width: 2, data: Float32Array.of(3, 6) });
    expect(weightedSum({ ...values, data: Float32Array.of(1, 2, 3, 4) }, [3, -1]).data).toEqual(Float32Array.of(0, 2));
  });
});
