import { describe, expect, it } from "vitest";
import { factorize } from "../../src/methods/factorize.js";
import { resolveMethod } from "../../src/methods/index.js";
import type { Evidence, Setting } from "../../src/methods/method.js";
import { refineCam } from "../../src/methods/refine-cam.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { closeness, evidenceOf, filled, goldenA, goldenG, tensor } from "./evidence.js";

async function mapOf(name: string, given: Partial<Evidence & Setting>): Promise<Float32Array> {
  return (await resolveMethod(name).map(evidenceOf(given))).data;
}

/** A row of one channel. */
const row = (...values: number[]) => tensor([1, 1, values.length], values);
const guide = (...values: number[]): Map2D => ({ height: 1, width: values.length, data: Float32Array.from(values) });
const place = (x1: number, x2: number, x: number) => ({
  box: { x1, y1: 0, x2, y2: 1 },
  cell: [x, 0] as const,
  classIndex: 1,
  stride: 8,
});

describe("the golden vector", () => {
  const golden = { activations: goldenA, gradients: goldenG, compat: true };
  const upToSign = new Set(["EigenCAM", "EigenGradCAM"]);

  it.each([
    ["GradCAM", [0.075, -0.015, 0.0375, 0.15]],
    ["HiResCAM", [0.1, 0.06, -0.1, 0.87]],
    ["ODAM", [0.1, 0.06, -0.1, 0.87]],
    ["GradCAMElementWise", [0.1, 0.06, 0, 0.87]],
    ["LayerCAM", [0.1, 0.06, 0, 0.87]],
    ["GradCAM++", [0.1633983, 0.0091963, 0.0677405, 0.4245073]],
    ["RefineCAM", [0.1633983, 0.0091963, 0.0677405, 0.4245073]],
    ["XGradCAM", [0.2424242, -0.0051515, 0.1067677, 0.5859596]],
    ["EigenCAM", [-0.1183866, 0.9800656, 0.3911969, -1.2528759]],
    ["EigenGradCAM", [-0.1017748, -0.1979822, -0.3014122, 0.6011693]],
    ["SegEigenCAM", [-0.1516237, -0.2479996, -0.1516237, 0.5512471]],
    ["FEM", [0, 0, 0, 0]],
  ])("%s", async (name, wanted) => {
    const found = await mapOf(name, golden);
    const turned = wanted.map((value) => -value);
    const error = Math.min(closeness(found, wanted), upToSign.has(name) ? closeness(found, turned) : 1);
    expect(error).toBeLessThan(1e-6);
  });
});

describe("weights by hand", () => {
  it.each([
    // A sum of 3: 1 / (2 + 3 · 1); the negative gradient does not count.
    ["GradCAM++", { activations: row(1, 2), gradients: row(1, -5) }, [0.2, 0.4]],
    // A negative sum counts as zero: 1/2 + 3/2.
    ["GradCAM++", { activations: row(-1, -2), gradients: row(1, 3) }, [-2, -4]],
    ["XGradCAM", { activations: row(1, 3), gradients: row(2, 6) }, [5, 15]],
    ["XGradCAM", { activations: row(1, -1), gradients: row(2, 4) }, [3, -3]],
    ["XGradCAM", { activations: row(-1, -3), gradients: row(2, 6) }, [-5, -15]],
    // Mean 1, deviation √8: only the 9 is above 6.66, one cell of nine.
    ["FEM", { activations: row(0, 0, 0, 9, 0, 0, 0, 0, 0) }, [0, 0, 0, 1, 0, 0, 0, 0, 0]],
    ["ShapleyCAM", { activations: row(1, 2), gradients: row(3, 1), curvature: row(2, 0) }, [1.5, 3]],
    ["FinerCAM", { activations: row(1, 2), gradients: row(3, 1) }, [2, 4]],
    ["SSGrad-CAM", { activations: row(2, 4), gradients: row(1, -3) }, [-2 / 3, -4]],
  ])("%s %#", async (name, given, wanted) => {
    expect(closeness(await mapOf(name, given), wanted)).toBeLessThan(1e-6);
  });

  it("are bounded by default where the library divides by almost nothing", async () => {
    const vanishing = { activations: row(-1, -1), gradients: row(1, 0) };
    expect((await mapOf("GradCAM++", { ...vanishing, compat: true }))[0]).toBeLessThan(-1e5);
    expect((await mapOf("GradCAM++", vanishing))[0]).toBeCloseTo(-0.5);
    const balanced = { activations: row(1, -1), gradients: row(2, 4) };
    expect((await mapOf("XGradCAM", { ...balanced, compat: true }))[0]).toBeLessThan(-1e6);
  });

  it("RandomCAM: from the seed alone, between -1 and 1, one a channel", async () => {
    const activations = filled([50, 1, 1], 1);
    const weights = async (seed: number) =>
      (await resolveMethod("RandomCAM").channels!(evidenceOf({ activations, seed }))).data;
    const first = await weights(1);
    expect(await weights(1)).toEqual(first);
    expect(await weights(2)).not.toEqual(first);
    expect(first.every((weight) => Math.abs(weight) <= 1)).toBe(true);
    expect(Math.min(...first)).toBeLessThan(-0.7);
    expect(Math.max(...first)).toBeGreaterThan(0.7);
  });
});

describe("what methods ask for besides", () => {
  it("is as the literature has it", () => {
    expect(resolveMethod("FinerCAM").scores).toEqual(["finer"]);
    expect(resolveMethod("ODAM")).toMatchObject({ scores: ["row"], merge: "max", auto: "stage" });
    expect(resolveMethod("DetClassProbabilityMap").reads).toBe("network");
    const stage = [
      "HiResCAM",
      "GradCAMElementWise",
      "LayerCAM",
      "EigenGradCAM",
      "SegEigenCAM",
      "SSGrad-CAM",
      "SSGrad-CAM++",
    ];
    for (const name of stage) expect([name, resolveMethod(name).auto]).toEqual([name, "stage"]);
  });

  it("RefineCAM multiplies layers", () => {
    expect([...refineCam.fuse!([guide(1, 0.5), guide(0.5, 0.5), guide(1, 0)]).data]).toEqual([0.5, 0]);
  });
});

describe("the sign of components", () => {
  const activations = tensor([2, 1, 4], [0, 1, 2, 9, 0, 1, 3, 9]);

  it.each(["EigenCAM", "EigenGradCAM", "KPCA-CAM"])("of %s follows the detector", async (name) => {
    const given = { activations, gradients: filled([2, 1, 4], 1) };
    const right = await mapOf(name, { ...given, scoreMap: guide(0, 0, 0, 1) });
    const left = await mapOf(name, { ...given, scoreMap: guide(1, 0, 0, 0) });
    expect(right[3]).toBeGreaterThan(0);
    expect(left).toEqual(right.map((value) => -value));
    // The strongest cell decides where the detector says nothing, and always with compat.
    expect(await mapOf(name, { ...given, scoreMap: guide(0.25, 0.25, 0.25, 0.25) })).toEqual(right);
    expect(await mapOf(name, { ...given, scoreMap: guide(1, 0, 0, 0), compat: true })).toEqual(right);
  });

  it("comes with the gap between the first two", async () => {
    const notes: Record<string, number> = {};
    // Two channels that do not correlate, of variances 4 to 1.
    const cross = tensor([2, 1, 4], [2, -2, 0, 0, 0, 0, 1, -1]);
    const report = (name: string, value: number) => {
      notes[name] = value;
    };
    const map = await mapOf("EigenCAM", { activations: cross, scoreMap: guide(1, 0, 0, 0), report });
    expect(notes["spectral gap"]).toBeCloseTo(0.5);
    expect(closeness(map, [2, -2, 0, 0])).toBeLessThan(1e-6);
  });
});

describe("methods made for detectors", () => {
  it("SSGrad-CAM++ takes its weights from the cells of the box", async () => {
    // Cells 0 and 1: Σ A = 3; 1 / (2 + 3) + 2 / (2 + 6) = 0.45.
    const given = { activations: row(1, 2, 9), gradients: row(1, 2, 5), places: [place(0.2, 1.5, 0)] };
    expect(closeness(await mapOf("SSGrad-CAM++", given), [0.45 * 0.2, 0.45 * 0.8, 0.45 * 9])).toBeLessThan(1e-6);
    const compat = 0.45 + 1 / 3;
    const published = await mapOf("SSGrad-CAM++", { ...given, compat: true });
    expect(closeness(published, [compat * 0.2, compat * 0.8, compat * 9])).toBeLessThan(1e-6);
  });

  it("SSGrad-CAM++ takes the whole map without a box, the own cell of a box outside, and zero for a negative sum", async () => {
    const given = { activations: row(1, 2), gradients: row(1, 2) };
    const whole = 1 / (2 + 3) + 2 / (2 + 6);
    expect(closeness(await mapOf("SSGrad-CAM++", { ...given, places: [] }), [whole / 2, whole * 2])).toBeLessThan(1e-6);
    const apart = { activations: row(1, 4), gradients: row(1, 2), places: [place(5, 6, 1)] };
    const outside = 2 / (2 + 8);
    expect(closeness(await mapOf("SSGrad-CAM++", apart), [outside / 2, outside * 4])).toBeLessThan(1e-6);
    const negative = { activations: row(-1, -2), gradients: row(1, 2), places: [] };
    expect(closeness(await mapOf("SSGrad-CAM++", negative), [-1.5 / 2, -1.5 * 2])).toBeLessThan(1e-6);
  });

  it("G-CAME puts a Gaussian at the detection's cell", async () => {
    // κ = 2/3, |ln mean G| = 2 and ln stride = 1, so σ = 3; the corners, d² = 8, are scaled to zero.
    const gradients = filled([1, 5, 5], 0);
    gradients.data[12] = 25 * Math.exp(-2);
    const places = [{ ...place(0, 5, 2), cell: [2, 2] as const, stride: Math.E }];
    const map = await mapOf("G-CAME", { activations: filled([1, 5, 5], 1), gradients, places });
    const corner = Math.exp(-8 / 18);
    expect(map[12]).toBeCloseTo(Math.exp(-2), 6);
    expect(map[11]).toBeCloseTo((Math.exp(-2) * (Math.exp(-1 / 18) - corner)) / (1 - corner), 6);
    expect([map[0], map[4], map[20], map[24]]).toEqual([0, 0, 0, 0]);
    const flat = await mapOf("G-CAME", { activations: filled([1, 5, 5], 1), gradients, places: [] });
    expect(flat.every((value) => Math.abs(value - Math.exp(-2)) < 1e-6)).toBe(true);
  });

  it("DetClassProbabilityMap averages the class over levels at the finest one's size", async () => {
    expect(closeness(await mapOf("DetClassProbabilityMap", {}), [0.45, 0.5])).toBeLessThan(1e-6);
    const both = [place(0, 1, 0), { ...place(0, 1, 0), classIndex: 0 }];
    const classMaps = [{ probabilities: tensor([2, 1, 2], [0.9, 0.1, 0.2, 0.3]), classIndices: [0, 1] }];
    expect(closeness(await mapOf("DetClassProbabilityMap", { places: both, classMaps }), [0.9, 0.3])).toBeLessThan(
      1e-6,
    );
  });

  it("DetClassProbabilityMap, compat: 23 × 23 cells of a softmax over classes", async () => {
    const p = 1 / (1 + Math.exp(-1));
    const classMaps = [{ probabilities: tensor([2, 1, 1], [0.5, p]), classIndices: [0, 1] }];
    const map = await mapOf("DetClassProbabilityMap", { classMaps, compat: true });
    expect(map).toHaveLength(23 * 23);
    for (const value of map) expect(value).toBeCloseTo(p, 5);
  });
});

describe("Deep Feature Factorization", () => {
  // Two concepts that share no channel and no cell, the first twice as strong; channel 2 begins at -1.
  const activations = tensor([3, 1, 4], [4, 2, 0, 0, 0, 0, 1, 2, -1, -1, 0, 1]);

  it("takes activations apart exactly where they are concepts", () => {
    const { concepts, heats, error } = factorize(activations, 2);
    expect(concepts.dims).toEqual([2, 3]);
    expect(heats.dims).toEqual([2, 1, 4]);
    expect(error).toBeLessThan(1e-6);
    const least = [0, 0, -1];
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < 4; i++) {
        let sum = least[c]!;
        for (let k = 0; k < 2; k++) sum += (concepts.data[k * 3 + c]! - least[c]!) * heats.data[k * 4 + i]!;
        expect(sum).toBeCloseTo(activations.data[c * 4 + i]!, 5);
      }
    }
    expect(factorize(activations, 2)).toEqual(factorize(activations, 2));
  });

  it("leaves an error with too few concepts, and takes no more than there are channels", () => {
    expect(factorize(activations, 1).error).toBeGreaterThan(0.4);
    expect(factorize(activations, 9).heats.dims[0]).toBe(3);
  });

  it("shows the concept where the detector sees the object", async () => {
    const left = await mapOf("DFF", { activations, scoreMap: guide(1, 0, 0, 0), samples: 2 });
    const right = await mapOf("DFF", { activations, scoreMap: guide(0, 0, 0, 1), samples: 2 });
    expect(left[0]! / left[1]!).toBeCloseTo(2, 5);
    expect([left[2], left[3]]).toEqual([0, 0]);
    expect(right[3]! / right[2]!).toBeCloseTo(2, 5);
    expect([right[0], right[1]]).toEqual([0, 0]);
  });
});
