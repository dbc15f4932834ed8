import { describe, expect, it } from "vitest";
import { correlation } from "../../src/algebra/correlation.js";
import { kernelComponent } from "../../src/algebra/kernel-component.js";
import { largestEigenpair } from "../../src/algebra/largest-eigenpair.js";
import { factorizeNonnegative } from "../../src/algebra/nonnegative-factors.js";
import { firstComponent, firstComponentOf } from "../../src/algebra/principal-component.js";
import type { Map2D, Tensor } from "../../src/tensor/tensor.js";
import { scatterOf } from "../methods/evidence.js";

/** Orthonormal vectors of mean zero: cosines of rising frequency. */
const wave = (size: number, k: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.sqrt(2 / size) * Math.cos((Math.PI * (i + 0.5) * k) / size));

/** `[C, 1, cells]` of these singular values, plus a constant for each channel. */
function withSingularValues(C: number, cells: number, values: readonly number[], offset = 0): Tensor {
  const data = new Float32Array(C * cells);
  for (const [k, sigma] of values.entries()) {
    const [v, u] = [wave(C, k + 1), wave(cells, k + 1)];
    for (let c = 0; c < C; c++) for (let i = 0; i < cells; i++) data[c * cells + i]! += sigma * v[c]! * u[i]!;
  }
  for (let c = 0; c < C; c++) for (let i = 0; i < cells; i++) data[c * cells + i]! += offset * c;
  return { dims: [C, 1, cells], data };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
const guideOf = (values: ArrayLike<number>): Map2D => ({
  height: 1,
  width: values.length,
  data: Float32Array.from(values),
});

describe("the first principal component", () => {
  it.each([
    [40, 60, [5, 2, 1, 1, 0.5]],
    [70, 20, [5, 4.9, 4.8, 1]],
    [3, 50, [2, 1]],
    [64, 64, [3, 2.997, 2.99, 1, 1]],
    [30, 40, Array.from({ length: 25 }, (_, k) => 0.95 ** k)],
  ])("of %i channels and %i cells with known singular values", (C, cells, values) => {
    const u = wave(cells, 1);
    const { map, gap } = firstComponent(withSingularValues(C, cells, values), guideOf(u));
    expect(gap).toBeCloseTo(values[1]! / values[0]!, 5);
    for (const [i, value] of map.data.entries()) expect(Math.abs(value - values[0]! * u[i]!)).toBeLessThan(1e-3);
  });

  it.each([
    [40, 60, [5, 2, 1, 1, 0.5], 0],
    [70, 20, [5, 4.5, 4.4, 1], 1],
    [3, 50, [2, 1], 10],
  ])("of %i channels and %i cells is the same with the scatter matrix", (C, cells, values, offset) => {
    const tensor = withSingularValues(C, cells, values, offset);
    const guide = guideOf(wave(cells, 1));
    const [found, wanted] = [firstComponentOf(tensor, scatterOf(tensor), guide), firstComponent(tensor, guide)];
    expect(found.gap).toBeCloseTo(wanted.gap, 5);
    for (const [i, value] of found.map.data.entries()) expect(Math.abs(value - wanted.map.data[i]!)).toBeLessThan(1e-4);
  });

  it.each([
    ["constant channels", [0.1, 0.1, 0.1, 7, 7, 7]],
    ["NaN", [Number.NaN, 1, 5, 0, 2, 1]],
    ["infinity", [Number.POSITIVE_INFINITY, 1, 5, 0, 2, 1]],
    ["a tiny variance", [1e4, 1e4, 1e4 + 0.01, 0, 0, 0]],
  ])("does not trust the scatter matrix of %s", (_, values) => {
    const tensor = { dims: [2, 1, 3], data: Float32Array.from(values) };
    expect(firstComponentOf(tensor, scatterOf(tensor))).toEqual(firstComponent(tensor));
  });

  it("lies in the plane of the first two where they are equal, and says so", () => {
    const { map, gap } = firstComponent(withSingularValues(30, 40, [3, 3, 1]));
    expect(gap).toBeGreaterThan(0.999);
    const inPlane = dot(map.data, wave(40, 1)) ** 2 + dot(map.data, wave(40, 2)) ** 2;
    expect(inPlane).toBeCloseTo(9, 3);
  });

  it("does not see the channels' means", () => {
    const plain = firstComponent(withSingularValues(8, 30, [3, 1])).map.data;
    const lifted = firstComponent(withSingularValues(8, 30, [3, 1], 100), guideOf(plain)).map.data;
    for (const [i, value] of lifted.entries()) expect(Math.abs(value - plain[i]!)).toBeLessThan(1e-3);
  });

  it("is zero for constant channels and for one cell, and takes NaN for zero", () => {
    const constant = { dims: [2, 1, 3], data: Float32Array.of(0.1, 0.1, 0.1, 7, 7, 7) };
    expect(firstComponent(constant)).toEqual({ map: guideOf([0, 0, 0]), gap: 0 });
    expect(firstComponent({ dims: [2, 1, 1], data: Float32Array.of(3, 4) }).map.data).toEqual(Float32Array.of(0));
    const zero = { dims: [2, 1, 3], data: Float32Array.of(0, 1, 5, 0, 2, 1) };
    const nan = { dims: [2, 1, 3], data: Float32Array.of(Number.NaN, 1, 5, 0, 2, 1) };
    expect(firstComponent(nan)).toEqual(firstComponent(zero));
  });
});

describe("the largest eigenpair", () => {
  const diagonal = (values: readonly number[]) => (v: Float64Array, into: Float64Array) => {
    for (let i = 0; i < v.length; i++) into[i] = values[i]! * v[i]!;
  };

  it.each([
    ["one value", [3], 3, 0],
    ["algebraically, not by size", [-9, 1, 2, -4], 2, 1],
    ["all negative", [-9, -1, -2, -4], -1, -2],
    ["equal values", [5, 1, 5, 1, 1, 1, 1, 1, 1, 1], 5, 5],
    ["zeros", [0, 0, 0], 0, 0],
  ])("%s", (_, values, first, second) => {
    const { value, vector, next } = largestEigenpair(values.length, diagonal(values));
    expect(value).toBeCloseTo(first, 9);
    expect(next).toBeCloseTo(second, 9);
    expect(dot(vector, vector)).toBeCloseTo(1, 9);
    for (const [i, entry] of vector.entries()) if (values[i] !== first) expect(Math.abs(entry)).toBeLessThan(1e-6);
  });

  it("of a dense spectrum of 500", () => {
    const values = Array.from({ length: 500 }, (_, i) => i / 499);
    const { value, vector, next } = largestEigenpair(500, diagonal(values));
    expect(value).toBeCloseTo(1, 9);
    expect(next).toBeCloseTo(498 / 499, 6);
    expect(Math.abs(vector[499]!)).toBeCloseTo(1, 9);
  });
});

describe("the first kernel component", () => {
  it("is that of the centred kernel, written out", () => {
    const data = Float32Array.of(0, 1, 5, 2, 0, -2, 1, 1, 3, 0);
    const { map, gap } = kernelComponent({ dims: [2, 1, 5], data }, guideOf([0, 0, 1, 0, 0]));
    const x = Array.from({ length: 5 }, (_, i) => [data[i]! - 1.6, data[5 + i]! - 0.6]);
    const K = x.map((a) => x.map((b) => Math.tanh(dot(a, b) / 2 + 1)));
    const means = K.map((line) => line.reduce((sum, value) => sum + value / 5, 0));
    const mean = means.reduce((sum, value) => sum + value / 5, 0);
    const centred = K.map((line, i) => line.map((value, j) => value - means[i]! - means[j]! + mean));
    // √λ·u is an eigenvector whose squared length is its eigenvalue.
    const lambda = dot(map.data, map.data);
    for (const [i, line] of centred.entries()) expect(dot(line, map.data)).toBeCloseTo(lambda * map.data[i]!, 5);
    expect(gap).toBeGreaterThan(0);
    expect(gap).toBeLessThan(1);
    expect(map.data[2]).toBeGreaterThan(0);
  });

  it("is zero for constant channels and for one cell", () => {
    expect(kernelComponent({ dims: [1, 1, 3], data: Float32Array.of(2, 2, 2) })).toEqual({
      map: guideOf([0, 0, 0]),
      gap: 0,
    });
    expect(kernelComponent({ dims: [2, 1, 1], data: Float32Array.of(3, 4) }).map.data).toEqual(Float32Array.of(0));
  });
});

describe("correlation", () => {
  it("is Pearson's, and zero for constants", () => {
    expect(correlation([1, 2, 3], [10, 20, 30])).toBeCloseTo(1);
    expect(correlation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1);
    expect(correlation([1, 2, 3, 4], [1, 3, 2, 4])).toBeCloseTo(0.8);
    expect(correlation([1, 2, 3], [0.1, 0.1, 0.1])).toBe(0);
    expect(correlation([0, 0, 0], [1, 2, 3])).toBe(0);
  });
});

describe("non-negative factors", () => {
  it("find an exact factorisation, and tell the error of a poor one", () => {
    const X = Float64Array.of(1, 0, 2, 0, 3, 0, 2, 0, 4, 0, 1, 0);
    const { W, H, error } = factorizeNonnegative(X, 4, 3, 2);
    expect(error).toBeLessThan(1e-6);
    for (let r = 0; r < 4; r++) {
      for (let i = 0; i < 3; i++) expect(W[r * 2]! * H[i]! + W[r * 2 + 1]! * H[3 + i]!).toBeCloseTo(X[r * 3 + i]!, 6);
    }
    expect([...W, ...H].every((value) => value >= 0)).toBe(true);
    // The weaker block, of squared norm 10, stays; the other has 25.
    expect(factorizeNonnegative(X, 4, 3, 1).error).toBeCloseTo(Math.sqrt(10 / 35), 6);
  });

  it("of zeros are zeros", () => {
    expect(factorizeNonnegative(new Float64Array(6), 2, 3, 2).error).toBe(0);
  });
});
