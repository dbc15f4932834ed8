import { expect, it } from "vitest";
import { fullGrad } from "../../src/methods/full-grad.js";
import type { Biases } from "../../src/methods/method.js";
import { evidenceOf, filled, tensor } from "./evidence.js";

type Layer = Biases["layers"] extends AsyncIterable<infer L> ? L : never;

async function* each(layers: readonly Layer[]): AsyncGenerator<Layer> {
  yield* layers;
}

const input = tensor([3, 1, 4], [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0]);
const inputGradient = tensor([3, 1, 4], [0, -1, 2, 4, -6, 2, 2, 4, 1, 2, 3, 4]);
/** Channels of |x ⊙ G| scaled to 0..1: [0 .25 .5 1], [1 0 0 .5], zeros. */
const ofInput = [1, 0.25, 0.5, 1.5];

function expectClose(found: ArrayLike<number>, wanted: readonly number[], within = 1e-6): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(within);
}

it("scales each channel of the input's term on its own and adds them up", async () => {
  const { height, width, data } = await fullGrad.map(
    evidenceOf({ biases: { input, inputGradient, layers: each([]) } }),
  );
  expect([height, width]).toEqual([1, 4]);
  expectClose(data, ofInput);
});

it("adds |bias · gradient| of every layer, each channel scaled and the sum enlarged", async () => {
  const layers = each([
    // Scaled [0 1] and [1 0.5…]: the second channel of bias zero adds nothing, the third is negative throughout.
    { name: "a", bias: Float32Array.of(2, 0, -3), gradient: tensor([3, 1, 2], [0, -5, 7, 1, -1, -2]) },
    { name: "b", bias: Float32Array.of(1), gradient: tensor([1, 1, 4], [3, -3, 1, 2]) },
  ]);
  const { data } = await fullGrad.map(evidenceOf({ biases: { input, inputGradient, layers } }));
  const first = [0, 0.25, 0.75, 1].map((value) => 2 * value);
  const second = [1, 1, 0, 0.5];
  expectClose(
    data,
    ofInput.map((value, i) => value + first[i]! + second[i]!),
  );
});

it("pairs each bias with its own gradient, in whatever order the layers come", async () => {
  const layers: Layer[] = [
    { name: "a", bias: Float32Array.of(0), gradient: tensor([1, 1, 4], [1, 2, 3, 4]) },
    { name: "b", bias: Float32Array.of(5), gradient: tensor([1, 1, 4], [4, 3, 2, 0]) },
  ];
  const biases = { input, inputGradient: filled([3, 1, 4], 0) };
  const forth = await fullGrad.map(evidenceOf({ biases: { ...biases, layers: each(layers) } }));
  const back = await fullGrad.map(evidenceOf({ biases: { ...biases, layers: each(layers.toReversed()) } }));
  expectClose(forth.data, [1, 0.75, 0.5, 0]);
  expect(back).toEqual(forth);
});

it("is done with a layer when it asks for the next, so that one buffer does for all", async () => {
  const steps = [
    [0, 1, 2, 4],
    [4, 0, 0, 1],
  ];
  async function* reusing(): AsyncGenerator<Layer> {
    const gradient = filled([1, 1, 4], 0);
    for (const step of steps) {
      gradient.data.set(step);
      yield { name: "a", bias: Float32Array.of(1), gradient };
      gradient.data.fill(Number.NaN);
    }
  }
  const none = filled([3, 1, 4], 0);
  const { data } = await fullGrad.map(evidenceOf({ biases: { input, inputGradient: none, layers: reusing() } }));
  expectClose(data, [1, 0.25, 0.5, 1.25]);
});

it("keeps the library's 1e-7, which damps what is as small, and is zero without gradient", async () => {
  const tiny = tensor([3, 1, 4], [0, 0, 0, 1e-7, ...Array(8).fill(0)]);
  const damped = await fullGrad.map(evidenceOf({ biases: { input, inputGradient: tiny, layers: each([]) } }));
  expectClose(damped.data, [0, 0, 0, 0.5]);
  const zero = { input, inputGradient: filled([3, 1, 4], 0) };
  const layers = each([{ name: "a", bias: Float32Array.of(1, 2), gradient: filled([2, 1, 1], 3) }]);
  const nothing = await fullGrad.map(evidenceOf({ biases: { ...zero, layers } }));
  expectClose(nothing.data, [0, 0, 0, 0]);
});
