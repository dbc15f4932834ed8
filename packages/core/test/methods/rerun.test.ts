import { describe, expect, it } from "vitest";
import { ablationCam } from "../../src/methods/ablation-cam.js";
import type { Tail } from "../../src/methods/method.js";
import { reciproCam } from "../../src/methods/recipro-cam.js";
import { scoreCam } from "../../src/methods/score-cam.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { evidenceOf, filled, tensor } from "./evidence.js";

type Score = (values: Float32Array) => number;

function runs(size: number, score: Score) {
  return async (count: number, fill: (i: number, into: Float32Array) => void): Promise<Float64Array> => {
    const into = new Float32Array(size).fill(Number.NaN);
    return Float64Array.from({ length: count }, (_, i) => {
      fill(i, into);
      return score(into);
    });
  };
}

function tailOf(activations: Tensor, score: Score): Tail {
  const cells = activations.data.length / activations.dims[0]!;
  const channelScores: Tail["channelScores"] = async (replacements) =>
    Float64Array.from(replacements, (value, c) => {
      return score(activations.data.slice().fill(value, c * cells, (c + 1) * cells));
    });
  const cellScores: Tail["cellScores"] = async () =>
    Float64Array.from({ length: cells }, (_, cell) =>
      score(activations.data.map((value, i) => (i % cells === cell ? value : 0))),
    );
  return { score: score(activations.data), scores: runs(activations.data.length, score), channelScores, cellScores };
}

/** A tail that gives these scores, whatever is asked of it. */
function tailGiving(score: number, ...values: readonly number[]): Tail {
  const given = async () => Float64Array.from(values);
  return { score, scores: given, channelScores: given, cellScores: given };
}

function maskedOf(size: readonly [number, number], score: Score) {
  return { ...evidenceOf({}).masked, size, scores: runs(size[0] * size[1], score) };
}

function expectClose(found: ArrayLike<number>, wanted: readonly number[], within = 1e-6): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(within);
}

describe("AblationCAM", () => {
  // Two channels of two cells. Without the first the score loses 9, without the second it gains 4.
  const A = tensor([2, 1, 2], [1, 2, 3, -1]);
  const difference: Score = ([a, b, c, d]) => (a! + b!) ** 2 - (c! + d!) ** 2;

  it("weights channels by the share of the score that is lost without them", async () => {
    const { height, width, data } = await ablationCam.map(evidenceOf({ activations: A, tail: tailOf(A, difference) }));
    expect([height, width]).toEqual([1, 2]);
    expectClose(data, [(9 * 1 - 4 * 3) / 5, (9 * 2 + 4 * 1) / 5]);
  });

  it("takes away a channel's pattern and leaves its mean, where asked to", async () => {
    // 1, 2 becomes 1.5, 1.5, and 3, −1 becomes 1, 1. A score that weighs the cells of a channel unlike: 10·1 + 2 + 3 − 10·(−1) = 25.
    const unlike: Score = ([a, b, c, d]) => 10 * a! + b! + c! - 10 * d!;
    const evidence = { activations: A, tail: tailOf(A, unlike) };
    const mean = await ablationCam.map(evidenceOf({ ...evidence, ablateTo: "mean" }));
    // Without the first pattern 16.5 + 13 = 29.5, without the second 12 + 1 − 10 = 3.
    expectClose(mean.data, [(-4.5 * 1 + 22 * 3) / 25, (-4.5 * 2 - 22 * 1) / 25]);
    // Without the first channel 13, without the second 12.
    const zero = await ablationCam.map(evidenceOf({ ...evidence, ablateTo: "zero" }));
    expectClose(zero.data, [(12 * 1 + 13 * 3) / 25, (12 * 2 - 13 * 1) / 25]);
  });

  it("keeps the sign where the score is negative, which the library turns round", async () => {
    const positive = tensor([2, 1, 2], [1, 2, 2, 0]);
    const tail = tailOf(positive, (values) => difference(values) - 10);
    expect(tail.score).toBe(-5);
    const weighed = [(9 * 1 - 4 * 2) / 5, (9 * 2) / 5];
    expectClose((await ablationCam.map(evidenceOf({ activations: positive, tail }))).data, weighed);
    const library = await ablationCam.map(evidenceOf({ activations: positive, tail, compat: true }));
    expectClose(library.data, [-weighed[0]!, -weighed[1]!]);
  });

  it("replaces channels by the library's values with compat, anew in each batch of 32", async () => {
    const many = tensor([34, 1, 1], [...Array(33).fill(1), -0.5]);
    let seen: number[] = [];
    const tail: Tail = {
      ...tailGiving(1),
      channelScores: async (values) => {
        seen = Array.from(values);
        return Float64Array.from(seen);
      },
    };
    await ablationCam.map(evidenceOf({ activations: many, tail, compat: true }));
    // float32 at 1e7 holds whole numbers only; the half goes to even.
    expect(seen.slice(0, 3)).toEqual([-10000000, -20000000, -30000000]);
    expect([seen[31], seen[32], seen[33]]).toEqual([-320000000, -10000000, -20000000]);
    await ablationCam.map(evidenceOf({ activations: many, tail }));
    expect(seen).toEqual(Array(34).fill(0));
  });

  it.each([
    ["−∞ weighs as much as the most that is lost otherwise", [-Infinity, 2, 9], [2 / 4, 2 / 4, -5 / 4]],
    ["−∞ weighs 1 when nothing else is lost", [-Infinity, 4, 9], [1, 0, -5 / 4]],
    ["what is not a number weighs nothing", [Number.NaN, Infinity, 2], [0, 0, 2 / 4]],
  ])("bounds scores: %s", async (_, values, weights) => {
    // Each channel lights a cell of its own, so that the map shows the weights.
    const unit = tensor([3, 1, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const tail = tailGiving(4, ...values);
    expectClose((await ablationCam.map(evidenceOf({ activations: unit, tail }))).data, weights);
  });

  it("is finite where the score is zero", async () => {
    for (const compat of [false, true]) {
      const tail = tailGiving(0, 0, 1);
      const { data } = await ablationCam.map(evidenceOf({ activations: A, tail, compat }));
      expect(data.every(Number.isFinite)).toBe(true);
    }
  });
});

describe("ScoreCAM", () => {
  it("weights channels by the softmax of the scores behind their masks, corners on corners", async () => {
    const A = tensor([2, 1, 2], [0, 1, 4, 0]);
    const masks: number[][] = [];
    const reported: Record<string, number> = {};
    const masked = maskedOf([1, 4], (mask) => {
      masks.push([...mask]);
      return Math.log(3) * mask[3]!;
    });
    const report = (name: string, value: number): void => {
      reported[name] = value;
    };
    const evidence = evidenceOf({ activations: A, masked, report });
    expectClose((await scoreCam.map(evidence)).data, [0.25 * 4, 0.75 * 1]);
    expectClose(masks[0]!, [0, 1 / 3, 2 / 3, 1]);
    expectClose(masks[1]!, [1, 2 / 3, 1 / 3, 0]);
    expect(reported).toEqual({ masks: 2 });
  });

  it("scales the mask by its own extremes, also where no pixel meets the peak, along both axes", async () => {
    const peak = tensor([1, 3, 2], [0, 0, 9, 9, 0, 0]);
    const seen: number[][] = [];
    const masked = maskedOf([4, 3], (mask) => seen.push([...mask]));
    await scoreCam.map(evidenceOf({ activations: peak, masked }));
    expectClose(seen[0]!, [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    seen.length = 0;
    await scoreCam.map(evidenceOf({ activations: tensor([2, 3, 1], [-2, 0, 2, 7, 5, 3]), masked }));
    const down = [0, 1 / 3, 2 / 3, 1].flatMap((value) => [value, value, value]);
    expectClose(seen[0]!, down);
    expectClose(seen[1]!, down.toReversed());
  });

  it("leaves constant channels out, and lets them take part with compat", async () => {
    const A = tensor([2, 1, 2], [0, 1, 5, 5]);
    const score: Score = (mask) => (mask.every((value) => value === 0) ? Math.log(3) : 0);
    const masked = maskedOf([1, 2], score);
    expectClose((await scoreCam.map(evidenceOf({ activations: A, masked }))).data, [0, 1]);
    const library = await scoreCam.map(evidenceOf({ activations: A, masked, compat: true }));
    expectClose(library.data, [0.75 * 5, 0.25 + 0.75 * 5]);
  });

  it("gives no weight to −∞, and zeros when no score is finite", async () => {
    const A = tensor([2, 1, 2], [0, 1, 4, 0]);
    const half = maskedOf([1, 4], (mask) => (mask[0] === 0 ? -Infinity : -700));
    expectClose((await scoreCam.map(evidenceOf({ activations: A, masked: half }))).data, [4, 0]);
    const none = maskedOf([1, 4], () => -Infinity);
    for (const compat of [false, true]) {
      expectClose((await scoreCam.map(evidenceOf({ activations: A, masked: none, compat }))).data, [0, 0]);
    }
  });

  it("makes zeros of constant maps and of one cell", async () => {
    const masked = maskedOf([2, 3], () => 1);
    expectClose((await scoreCam.map(evidenceOf({ activations: filled([3, 2, 2], 7), masked }))).data, [0, 0, 0, 0]);
    expectClose((await scoreCam.map(evidenceOf({ activations: filled([3, 1, 1], 7), masked }))).data, [0]);
  });
});

describe("Recipro-CAM", () => {
  // The score is the squared sum of everything that is left.
  const A = tensor([2, 1, 3], [1, 0, 2, 0, 3, 1]);
  const square: Score = (values) => values.reduce((sum, value) => sum + value, 0) ** 2;

  it("gives each cell the score that it reaches alone, above the least", async () => {
    const { data } = await reciproCam.map(evidenceOf({ activations: A, tail: tailOf(A, square) }));
    expectClose(data, [0, 8, 8]);
  });

  it("makes a map of scores that are all negative, and counts what is not finite as the least", async () => {
    const negative = tailOf(A, (values) => square(values) - 100);
    expectClose((await reciproCam.map(evidenceOf({ activations: A, tail: negative }))).data, [0, 8, 8]);
    const odd = tailGiving(1, -Infinity, -3, -1);
    expectClose((await reciproCam.map(evidenceOf({ activations: A, tail: odd }))).data, [0, 0, 2]);
    const none = tailGiving(1, Number.NaN, -Infinity, -Infinity);
    expectClose((await reciproCam.map(evidenceOf({ activations: A, tail: none }))).data, [0, 0, 0]);
  });

  it("gives zero for one cell", async () => {
    const cell = tensor([2, 1, 1], [3, 4]);
    expectClose((await reciproCam.map(evidenceOf({ activations: cell, tail: tailOf(cell, square) }))).data, [0]);
  });
});
