import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { firstComponent } from "../../src/algebra/principal-component.js";
import { factorize } from "../../src/methods/factorize.js";
import { resolveMethod } from "../../src/methods/index.js";
import { refineCam } from "../../src/methods/refine-cam.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { closeness, evidenceOf, tensor } from "./evidence.js";

interface LibraryCase {
  readonly activations: number[];
  readonly gradients: number[];
  readonly maps: Record<string, number[]>;
  readonly eigenSmooth: Record<string, number[]>;
}

interface Library {
  readonly dims: readonly [number, number, number];
  readonly cases: Record<string, LibraryCase>;
  readonly shapley: { activations: number[]; gradients: number[]; curvature: number[]; map: number[] };
  readonly factorization: { activations: number[]; count: number; concepts: number[]; heats: number[]; error: number };
  readonly refine: { maps: number[][]; fused: number[] };
}

const library: Library = JSON.parse(
  readFileSync(new URL("../../../../fixtures/methods/library.json", import.meta.url), "utf8"),
);
const [, H, W] = library.dims;
const SIGN_IS_ARBITRARY = new Set(["EigenCAM", "EigenGradCAM", "KPCA-CAM"]);
const SAME_BY_DEFAULT = ["GradCAM", "HiResCAM", "GradCAMElementWise", "LayerCAM", "SegEigenCAM", "FEM"];

/** `map`, or its negative where that is nearer. */
const nearerSign = (map: ArrayLike<number>, wanted: readonly number[]): Float64Array => {
  const turned = Float64Array.from(map, (value) => -value);
  return closeness(turned, wanted) < closeness(map, wanted) ? turned : Float64Array.from(map);
};

describe.each(Object.entries(library.cases))("pytorch-grad-cam's own numbers, %s gradients", (_, given) => {
  const parts = {
    activations: tensor(library.dims, given.activations),
    gradients: tensor(library.dims, given.gradients),
  };

  it.each(Object.entries(given.maps))("%s, compat", async (name, wanted) => {
    const { data } = await resolveMethod(name).map(evidenceOf({ ...parts, compat: true }));
    expect(closeness(SIGN_IS_ARBITRARY.has(name) ? nearerSign(data, wanted) : data, wanted)).toBeLessThan(1e-5);
  });

  it.each(SAME_BY_DEFAULT)("%s, without compat", async (name) => {
    const { data } = await resolveMethod(name).map(evidenceOf(parts));
    expect(closeness(data, given.maps[name]!)).toBeLessThan(1e-5);
  });

  it.each(["GradCAM++", "XGradCAM"])("%s differs by default, where the library's denominators fail", async (name) => {
    const { data } = await resolveMethod(name).map(evidenceOf(parts));
    expect(closeness(data, given.maps[name]!)).toBeGreaterThan(0.05);
  });

  it.each(Object.entries(given.eigenSmooth))(
    "%s, smoothed by the first component of its channels",
    async (name, wanted) => {
      const contributions = await resolveMethod(name).channels!(evidenceOf({ ...parts, compat: true }));
      expect(closeness(nearerSign(firstComponent(contributions).map.data, wanted), wanted)).toBeLessThan(1e-5);
    },
  );
});

describe("pytorch-grad-cam's own numbers", () => {
  it("ShapleyCAM, from a score differentiated twice", async () => {
    const { activations, gradients, curvature, map } = library.shapley;
    const evidence = evidenceOf({
      activations: tensor(library.dims, activations),
      gradients: tensor(library.dims, gradients),
      curvature: tensor(library.dims, curvature),
    });
    expect(closeness((await resolveMethod("ShapleyCAM").map(evidence)).data, map)).toBeLessThan(1e-5);
  });

  it("RefineCAM's product, but for the scaling that follows", () => {
    const maps = library.refine.maps.map((data): Map2D => ({ height: H, width: W, data: Float32Array.from(data) }));
    const { data } = refineCam.fuse!(maps);
    const least = Math.min(...data);
    const most = Math.max(...data) - least;
    const scaled = data.map((value) => (value - least) / most);
    expect(closeness(scaled, library.refine.fused)).toBeLessThan(1e-5);
  });

  it("Deep Feature Factorization: no larger error, and the same concepts in some order", () => {
    const { activations, count, heats, error } = library.factorization;
    const found = factorize(tensor(library.dims, activations), count);
    expect(found.error).toBeLessThan(error * 1.02);
    const heat = (all: ArrayLike<number>, k: number): number[] => Array.from(all).slice(k * H * W, (k + 1) * H * W);
    for (let k = 0; k < count; k++) {
      const alike = Array.from({ length: count }, (_, j) => cosine(heat(found.heats.data, k), heat(heats, j)));
      expect(Math.max(...alike)).toBeGreaterThan(0.99);
    }
  });
});

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
