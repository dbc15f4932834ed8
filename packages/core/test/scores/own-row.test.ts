import { describe, expect, it } from "vitest";
import type { Predictions } from "../../src/detector/detection.js";
import { evaluateScore, resolveScore } from "../../src/scores/index.js";
import type { ScoreTarget } from "../../src/scores/score.js";
import { randomSource } from "../support/random.js";

const target = (row: number, classIndex: number, more: Partial<ScoreTarget> = {}): ScoreTarget => ({
  boxInput: { frame: "input", x1: 0, y1: 0, x2: 4, y2: 4 },
  ...{ row, classIndex, ...more },
});

function predictions(rows: readonly (readonly number[])[]): Predictions {
  return { rows: rows.length, columns: rows[0]!.length, data: Float32Array.from(rows.flat()) };
}

const evaluate = (
  id: string,
  rows: readonly (readonly number[])[],
  targets: readonly ScoreTarget[],
  more: { topk?: number; versus?: number } = {},
) => evaluateScore(resolveScore(id), predictions(rows), targets, { topk: 1, ...more });

/** log(p / (1 − p)) of quarters is ±log 3. */
const log3 = Math.log(3);
const rows = [
  [2, 2, 4, 4, 0.5, 0.75, 0.25, 0.5],
  [30, 40, 6, 8, 0.25, 0.5, 0.75, 0.25],
];

describe("by hand", () => {
  it("row: objectness × probability of the one row, wherever the box is", () => {
    expect(evaluate("row", rows, [target(1, 1)])).toEqual({
      ...{ value: 0.25 * 0.75, terms: [0.25 * 0.75], rows: [1], prototypes: [] },
      gradient: Float64Array.of(0, 0, 0, 0, 0.75, 0, 0.25, 0),
    });
    expect(evaluate("row", rows, [target(0, 0), target(1, 1)]).value).toBe(0.375 + 0.1875);
  });

  it("row_logit: slope 1 / (p (1 − p))", () => {
    const { value, rows: live, gradient } = evaluate("row_logit", rows, [target(0, 0)]);
    expect(value).toBeCloseTo(log3, 12);
    expect(live).toEqual([0]);
    expect(gradient[5]).toBeCloseTo(16 / 3, 12);
    expect(gradient.filter((slope) => slope !== 0)).toHaveLength(1);
  });

  it.each([0, 1])("row_logit stays finite for a probability of %d, without a slope", (p) => {
    const { value, gradient } = evaluate("row_logit", [[2, 2, 4, 4, 1, p, 0.5]], [target(0, 0)]);
    expect(Math.abs(value)).toBeCloseTo(Math.log(1e7), 5);
    expect(Math.sign(value)).toBe(p === 1 ? 1 : -1);
    expect([...gradient].every((slope) => slope === 0)).toBe(true);
  });

  it.each([
    ["x1", 27, { 0: 1, 2: -0.5 }],
    ["y1", 36, { 1: 1, 3: -0.5 }],
    ["x2", 33, { 0: 1, 2: 0.5 }],
    ["y2", 44, { 1: 1, 3: 0.5 }],
  ])("%s: a side of the row's own box", (id, side, slopes) => {
    const { value, gradient } = evaluate(id, rows, [target(1, 0)]);
    expect(value).toBe(side);
    expect([...gradient]).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((c) => (slopes as Record<number, number>)[c] ?? 0));
  });

  it("contrast: one logit against another", () => {
    const { value, gradient } = evaluate("contrast", rows, [target(0, 0)], { versus: 1 });
    expect(value).toBeCloseTo(2 * log3, 12);
    expect(gradient[5]).toBeCloseTo(16 / 3, 12);
    expect(gradient[6]).toBeCloseTo(-16 / 3, 12);
    // A class against itself says nothing.
    expect(evaluate("contrast", rows, [target(0, 0)], { versus: 0 })).toMatchObject({ value: 0, rows: [] });
  });

  it("contrast without a class to compare with is refused", () => {
    expect(() => evaluate("contrast", rows, [target(0, 0)])).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining("option versus") }),
    );
  });

  it("class_sum: the probability over all rows; those that are not finite are left out", () => {
    const more = [...rows, [9, 9, 1, 1, 1, Number.NaN, 0.5, 1]];
    const { value, rows: live, gradient } = evaluate("class_sum", more, [target(0, 0)]);
    expect(value).toBe(1.25);
    expect(live).toEqual([0, 1]);
    expect(gradient).toEqual(Float64Array.from([5, 13].reduce((g, i) => g.with(i, 1), new Float64Array(16))));
    expect(evaluate("class_sum", more, [target(0, 2)]).value).toBe(1.75);
  });
});

describe("finer", () => {
  /** The formula on its own: logits of probabilities, float64. */
  function finer(probabilities: readonly number[], own: number): number {
    const logits = probabilities.map((p) => Math.log(p) - Math.log1p(-p));
    const others = [...logits.keys()].filter((c) => c !== own);
    others.sort((a, b) => Math.abs(logits[a]! - logits[own]!) - Math.abs(logits[b]! - logits[own]!));
    const total = logits.reduce((sum, s) => sum + Math.exp(s), 0);
    let [above, below] = [0, 0];
    for (const c of others.slice(0, 3)) {
      const share = Math.exp(logits[c]!) / total;
      above += share * (logits[own]! - logits[c]!);
      below += share;
    }
    return above / (below + 1e-9);
  }

  it("by hand: of two others with equal shares the mean difference", () => {
    // Logits log 3, −log 3, −log 3: both others weigh the same.
    const { value } = evaluate("finer", [[2, 2, 4, 4, 1, 0.75, 0.25, 0.25]], [target(0, 0)]);
    expect(value).toBeCloseTo(2 * log3, 7);
  });

  it.each([2, 3, 4, 5, 80])("equals the formula with %d classes, value and gradient", (classes) => {
    const random = randomSource(classes);
    for (let i = 0; i < 10; i++) {
      const p = [...Float32Array.from({ length: classes }, () => 0.02 + 0.96 * random())];
      const own = Math.floor(classes * random());
      const { value, gradient } = evaluate("finer", [[2, 2, 4, 4, 0.3, ...p]], [target(0, own)]);
      expect(value).toBeCloseTo(finer(p, own), 9);
      const h = 1e-6;
      for (let c = 0; c < classes; c++) {
        const slope = (finer(p.with(c, p[c]! + h), own) - finer(p.with(c, p[c]! - h), own)) / (2 * h);
        expect(Math.abs((gradient[5 + c] ?? 0) - slope)).toBeLessThan(1e-4 * (1 + Math.abs(slope)));
      }
    }
  });

  it("is the logit where there is no other class", () => {
    expect(evaluate("finer", [[2, 2, 4, 4, 1, 0.75]], [target(0, 0)]).value).toBeCloseTo(log3, 12);
  });
});

describe("a box that a person drew", () => {
  // Row 0 is the box and says class 0 loudest, row 1 a little off and says class 1.
  const near = [
    [2, 2, 4, 4, 0.5, 0.75, 0.25],
    [2, 2, 4, 2, 0.5, 0.25, 0.5],
  ];

  it("is spoken for by rows whatever their best class", () => {
    const first = Math.exp(1) / (Math.exp(1) + Math.exp(0.5));
    const drawn = evaluate("class", near, [target(1, 1, { anyClass: true })], { topk: 2 });
    expect(drawn.value).toBeCloseTo(Math.log(first * 0.25 + (1 - first) * 0.5), 7);
    expect(drawn.rows).toEqual([0, 1]);
  });

  it("as against a detection, whose rows are of its class", () => {
    const found = evaluate("class", near, [target(1, 1)], { topk: 2 });
    expect(found.value).toBeCloseTo(Math.log(0.5), 7);
    expect(evaluate("class", near, [target(1, 1)]).terms).toEqual([null]);
    expect(evaluate("class", near, [target(1, 1, { anyClass: true })]).terms).toEqual([Math.log(0.25)]);
  });
});
