import { describe, expect, it } from "vitest";
import { gradient } from "../../src/methods/gradient.js";
import { gradientXInput } from "../../src/methods/gradient-x-input.js";
import { guidedBackprop } from "../../src/methods/guided-backprop.js";
import { guidedGradCam } from "../../src/methods/guided-grad-cam.js";
import { integratedGradients } from "../../src/methods/integrated-gradients.js";
import type { Pixels, Setting } from "../../src/methods/method.js";
import { smoothGrad } from "../../src/methods/smooth-grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { evidenceOf, filled, goldenA, goldenG, tensor } from "./evidence.js";

const GREY = 114 / 255;
const input = tensor([3, 1, 2], [0.1, 0.9, 0.2, 0.8, 0.3, 0.7]);
const slopes = tensor([3, 1, 2], [1, -2, -4, 0.5, 3, 1.5]);

function expectClose(found: ArrayLike<number>, wanted: readonly number[], within = 1e-6): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(within);
}

/** A network of one output; notes the inputs at which it was asked. */
function network(
  at: Tensor,
  score: (x: Float32Array) => number,
  slope: (x: Float32Array) => ArrayLike<number>,
): Pixels & { readonly asked: Float32Array[] } {
  const asked: Float32Array[] = [];
  return {
    input: at,
    score: score(at.data),
    asked,
    async gradientAt(x) {
      asked.push(x.slice());
      return { score: score(x), gradient: tensor(at.dims, slope(x)) };
    },
  };
}

/** `Σ_r (M_r · x)²` of a fixed matrix of two rows. */
const M = [
  [1, -2, 0.5, 3, 0, 1],
  [0.25, 1, -1, 2, 4, -3],
] as const;
const dot = (row: readonly number[], x: Float32Array): number => row.reduce((sum, m, i) => sum + m * x[i]!, 0);
const quadratic = (at: Tensor) =>
  network(
    at,
    (x) => M.reduce((sum, row) => sum + dot(row, x) ** 2, 0),
    (x) => Array.from(x, (_, i) => M.reduce((sum, row) => sum + 2 * dot(row, x) * row[i]!, 0)),
  );
/** `Σ x_i^power`. */
const powers = (at: Tensor, power: number) =>
  network(
    at,
    (x) => x.reduce((sum, value) => sum + value ** power, 0),
    (x) => x.map((value) => power * value ** (power - 1)),
  );

function reporting(given: Partial<Setting> = {}) {
  const reported: Record<string, number> = {};
  const report = (name: string, value: number): void => {
    reported[name] = value;
  };
  return { reported, setting: { ...given, report } };
}

describe("gradient", () => {
  it("is the largest magnitude over the colours", async () => {
    const { height, width, data } = await gradient.map(evidenceOf({ gradients: slopes }));
    expect([height, width]).toEqual([1, 2]);
    expectClose(data, [4, 2]);
  });
});

describe("gradient × input", () => {
  it("is the signed sum over the colours", async () => {
    const { data } = await gradientXInput.map(evidenceOf({ activations: input, gradients: slopes }));
    expectClose(data, [0.1 - 0.8 + 0.9, -1.8 + 0.4 + 1.05]);
    expect(data[1]).toBeLessThan(0);
  });
});

describe("SmoothGrad", () => {
  it("is the plain gradient on a linear network", async () => {
    const pixels = network(
      input,
      () => 1,
      () => slopes.data,
    );
    expectClose((await smoothGrad.map(evidenceOf({ pixels }))).data, [4, 2]);
    expect(pixels.asked).toHaveLength(25);
  });

  it("averages signed gradients before it takes their magnitude", async () => {
    const flip = network(
      input,
      () => 1,
      () => (flip.asked.length % 2 === 0 ? [1, 1, 1, 1, 1, 1] : [-1, 3, -1, 1, -1, 1]),
    );
    expectClose((await smoothGrad.map(evidenceOf({ pixels: flip, samples: 4 }))).data, [0, 2]);
  });

  it("adds normal noise of a tenth of the image's range", async () => {
    const wide = tensor(
      [3, 8, 8],
      Array.from({ length: 192 }, (_, i) => (i % 2 === 0 ? -1 : 3)),
    );
    const pixels = powers(wide, 2);
    await smoothGrad.map(evidenceOf({ pixels }));
    const noise = pixels.asked.flatMap((x) => Array.from(x, (value, i) => value - wide.data[i]!));
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    const deviation = Math.sqrt(noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length);
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(deviation - 0.4)).toBeLessThan(0.02);
  });

  it("repeats itself for a seed, and gives noise i whatever the number of samples", async () => {
    const runs = [{}, {}, { seed: 2 }, { samples: 3 }].map((given) => ({ given, pixels: quadratic(input) }));
    const maps = await Promise.all(runs.map(({ given, pixels }) => smoothGrad.map(evidenceOf({ pixels, ...given }))));
    expect(maps[1]).toEqual(maps[0]);
    expect(maps[2]).not.toEqual(maps[0]);
    expect(runs[3]!.pixels.asked).toEqual(runs[0]!.pixels.asked.slice(0, 3));
    await expect(smoothGrad.map(evidenceOf({ pixels: quadratic(input), samples: 0 }))).rejects.toThrow(/0 samples/);
  });

  it("asks once for an image of one colour", async () => {
    const flat = powers(filled([3, 1, 2], 0.5), 2);
    expectClose((await smoothGrad.map(evidenceOf({ pixels: flat }))).data, [1, 1]);
    expect(flat.asked).toEqual([filled([3, 1, 2], 0.5).data]);
  });
});

describe("Integrated Gradients", () => {
  it.each([undefined, 1, 2, 7])("is complete on a quadratic, with %s steps", async (samples) => {
    const { reported, setting } = reporting({ samples });
    const pixels = quadratic(input);
    const { data } = await integratedGradients.map(evidenceOf({ pixels, ...setting }));
    const grey = quadratic(filled([3, 1, 2], GREY));
    expect(Math.abs(reported.scoreDifference! - (pixels.score - grey.score))).toBeLessThan(1e-9);
    expect(Math.abs(reported.scoreDifference!)).toBeGreaterThan(0.1);
    expect(Math.abs(reported.completenessGap!)).toBeLessThan(1e-5);
    expectClose([data[0]! + data[1]!], [reported.scoreDifference!], 1e-5);
    expect(pixels.asked).toHaveLength((samples ?? 32) + 1);
  });

  it("gives x² − grey² to each value of a sum of squares, added up over the colours", async () => {
    const { data } = await integratedGradients.map(evidenceOf({ pixels: powers(input, 2) }));
    expectClose(data, [0.01 + 0.04 + 0.09 - 3 * GREY ** 2, 0.81 + 0.64 + 0.49 - 3 * GREY ** 2]);
  });

  it("reports the gap that too few steps leave", async () => {
    const gaps = [];
    for (const samples of [1, 2]) {
      const { reported, setting } = reporting({ samples });
      await integratedGradients.map(evidenceOf({ pixels: powers(input, 4), ...setting }));
      gaps.push(Math.abs(reported.completenessGap!));
    }
    // Two Gauss–Legendre points are exact for the cubic gradient of a fourth power, one is not.
    expect(gaps[0]).toBeGreaterThan(1e-2);
    expect(gaps[1]).toBeLessThan(1e-6);
  });

  it("gives nothing to padding", async () => {
    const padded = tensor([3, 1, 2], [GREY, 0.9, GREY, 0.8, GREY, 0.7]);
    const { data } = await integratedGradients.map(evidenceOf({ pixels: quadratic(padded) }));
    expect(data[0]).toBe(0);
    expect(data[1]).not.toBe(0);
  });
});

describe("guided backpropagation", () => {
  it("is the largest magnitude of the guided gradients over the colours", async () => {
    expectClose((await guidedBackprop.map(evidenceOf({ guidedGradients: slopes }))).data, [4, 2]);
    expect(guidedBackprop.title).toMatch(/SiLU/);
  });
});

describe("Guided Grad-CAM", () => {
  it("multiplies the guided gradients by the ReLU'd, enlarged Grad-CAM", async () => {
    // The golden Grad-CAM is [0.075, -0.015, 0.0375, 0.15]; its first row to four columns: .075 .05625 .01875 0.
    const guidedGradients = tensor([3, 2, 4], [...Array(8).fill(-2), ...Array(8).fill(1), ...Array(8).fill(0)]);
    const evidence = evidenceOf({ activations: goldenA, gradients: goldenG, guidedGradients });
    const { height, width, data } = await guidedGradCam.map(evidence);
    expect([height, width]).toEqual([2, 4]);
    const row = [0.0375, 0.0375 * 0.75 + 0.15 * 0.25, 0.0375 * 0.25 + 0.15 * 0.75, 0.15];
    expectClose(data, [0.15, 0.1125, 0.0375, 0, ...row.map((value) => 2 * value)]);
  });
});

it("is zero where there is no gradient, for every method on pixels", async () => {
  const none = filled([3, 1, 2], 0);
  const pixels = network(
    input,
    () => 0,
    () => none.data,
  );
  const evidence = evidenceOf({ activations: none, gradients: none, guidedGradients: none, pixels });
  for (const method of [gradient, gradientXInput, smoothGrad, integratedGradients, guidedBackprop, guidedGradCam]) {
    const { data } = await method.map(evidence);
    expect(data.every((value) => value === 0)).toBe(true);
  }
});
