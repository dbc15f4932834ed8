import { channelMeans, sumOfTerms } from "../../src/methods/channels.js";
import type { Evidence, ProductNeed, Setting } from "../../src/methods/method.js";
import { productTerm } from "../../src/methods/products.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";

/** A tensor of these dims and values. */
export const tensor = (dims: readonly number[], values: ArrayLike<number>): Tensor => ({
  dims,
  data: Float32Array.from(values),
});

/** A tensor of one value throughout. */
export const filled = (dims: readonly number[], value: number): Tensor => tensor(dims, Array(sizeOf(dims)).fill(value));

export const setting: Setting = {
  inputSize: [20, 50],
  compat: false,
  ablateTo: undefined,
  seed: 1,
  samples: undefined,
  budget: undefined,
  report: () => {},
  tell: () => {},
};

/** The scatter matrix of the channels, and their means. */
export function scatterOf(activations: Tensor): Tensor {
  const C = activations.dims[0]!;
  const cells = activations.data.length / C;
  const means = channelMeans(activations);
  const data = new Float32Array(C * (C + 1));
  for (let c = 0; c < C; c++) {
    for (let d = 0; d < C; d++) {
      for (let i = 0; i < cells; i++) {
        const [a, b] = [activations.data[c * cells + i]! - means[c]!, activations.data[d * cells + i]! - means[d]!];
        data[c * (C + 1) + d]! += a * b;
      }
    }
    data[c * (C + 1) + C] = means[c]!;
  }
  return { dims: [C, C + 1], data };
}

/**
 * Evidence for one detection of class 1, whose box covers the middle of the layer. What is not given is made up: the tail's score is the sum of the
 * activations, the network's the mean of the mask, its gradient all ones.
 */
export function evidenceOf(given: Partial<Evidence & Setting>): Evidence & Setting {
  const activations = given.activations ?? tensor([1, 2, 2], [1, 2, 3, 4]);
  const [, H, W] = activations.dims as [number, number, number];
  const gradients = given.gradients ?? filled(activations.dims, 0);
  const input = filled([3, 20, 50], 0.5);
  const products = (need: ProductNeed) => sumOfTerms(activations.dims, productTerm(need, { activations, gradients }));
  const sums = async (
    count: number,
    size: number,
    fill: (i: number, into: Float32Array) => void,
  ): Promise<Float64Array> => {
    const into = new Float32Array(size);
    return Float64Array.from({ length: count }, (_, i) => {
      fill(i, into);
      return into.reduce((sum, value) => sum + value, 0);
    });
  };
  return {
    ...setting,
    activations,
    gradients,
    gradientMeans: Float32Array.from(channelMeans(gradients)),
    channelScatter: scatterOf(activations),
    gradientProducts: products("gradientProducts"),
    positiveGradientProducts: products("positiveGradientProducts"),
    positiveProducts: products("positiveProducts"),
    curvature: filled(activations.dims, 0),
    scoreMap: { height: H, width: W, data: Float32Array.from({ length: H * W }, (_, i) => i / (H * W)) },
    places: [
      {
        box: { x1: W / 4, y1: H / 4, x2: (3 * W) / 4, y2: (3 * H) / 4 },
        cell: [Math.floor(W / 2), Math.floor(H / 2)],
        classIndex: 1,
        stride: 20 / H,
      },
    ],
    classMaps: [
      { probabilities: tensor([2, 1, 2], [0.1, 0.2, 0.3, 0.4]), classIndices: [0, 1] },
      { probabilities: tensor([2, 1, 1], [0.5, 0.6]), classIndices: [0, 1] },
    ],
    tail: {
      score: 1,
      scores: (count, fill) => sums(count, activations.data.length, fill),
      cellScores: () =>
        sums(H * W, activations.data.length, (cell, into) => {
          into.set(activations.data.map((value, i) => (i % (H * W) === cell ? value : 0)));
        }),
      channelScores: (replacements) =>
        sums(replacements.length, activations.data.length, (c, into) => {
          into.set(activations.data);
          into.fill(replacements[c]!, c * H * W, (c + 1) * H * W);
        }),
    },
    masked: {
      size: [20, 50],
      batch: 4,
      scores: (count, fill) => sums(count, 1000, fill),
      similarities: (_, count, fill) => sums(count, 1000, fill),
    },
    pixels: {
      input,
      score: 1,
      gradientAt: async () => ({ score: 1, gradient: filled(input.dims, 1) }),
    },
    blends: {
      ...{ input: input.data, size: [20, 50], part: { top: 0, left: 0, height: 20, width: 50 }, strength: 1 },
      box: { x1: 10, y1: 5, x2: 40, y2: 15 },
      blurred: () => input.data,
      mean: () => input.data,
      strengths: (_, count, fill) => sums(count, 1000, fill),
      gradientAt: async () => ({ score: 0, gradient: filled(input.dims, 1) }),
    },
    depths: [{ activations, gradients }],
    biases: {
      input,
      inputGradient: filled(input.dims, 1),
      layers: (async function* () {
        yield { name: "conv", bias: Float32Array.of(1, 2), gradient: filled([2, 4, 5], 0.5) };
      })(),
    },
    guidedGradients: filled(input.dims, 1),
    ...given,
  };
}

/** The A and G of the golden vector. */
export const goldenA = tensor([2, 2, 2], [1, -0.2, 0.5, 2, 0, 0.3, -0.1, 0.7]);
export const goldenG = tensor([2, 2, 2], [0.1, 0, -0.2, 0.4, -0.3, 0.2, 0, 0.1]);

/** Largest difference over the largest wanted absolute value; infinite for another length or a NaN. */
export function closeness(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let [most, scale] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(found[i]! - wanted[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    most = Math.max(most, difference);
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return scale === 0 ? most : most / scale;
}
