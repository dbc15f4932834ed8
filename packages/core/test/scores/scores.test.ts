import { describe, expect, it } from "vitest";
import type { Predictions } from "../../src/detector/detection.js";
import { defaultScores, evaluateScore, resolveScore } from "../../src/scores/index.js";
import { nearestRows } from "../../src/scores/iou.js";
import type { Score, ScoreTarget } from "../../src/scores/score.js";
import { plainScores } from "../support/plain-scores.js";
import { randomSource } from "../support/random.js";

const target = (x1: number, y1: number, x2: number, y2: number, classIndex = 0): ScoreTarget => ({
  boxInput: { frame: "input", x1, y1, x2, y2 },
  classIndex,
  row: 0,
});

function predictions(rows: readonly (readonly number[])[]): Predictions {
  return { rows: rows.length, columns: rows[0]?.length ?? 8, data: Float32Array.from(rows.flat()) };
}

describe("a case by hand", () => {
  // The box [0, 0, 4, 4]. Row 0 is the box: IoU 1. Row 1 is its left half: IoU 8/16. Row 2 says another class.
  const rows = [
    [2, 2, 4, 4, 0.5, 0.75, 0.25],
    [1, 2, 2, 4, 0.25, 0.5, 0.125],
    [2, 2, 4, 4, 1, 0.25, 0.75],
    [50, 50, 4, 4, 1, 1, 0],
  ];
  const run = (id: string, topk: number) =>
    evaluateScore(resolveScore(id), predictions(rows), [target(0, 0, 4, 4)], { topk });
  const first = Math.exp(1) / (Math.exp(1) + Math.exp(0.5));

  it.each([
    ["class", first * 0.75 + (1 - first) * 0.5],
    ["confidence", first * 0.5 + (1 - first) * 0.25],
    ["class_confidence", (first * 0.75 + (1 - first) * 0.5) * (first * 0.5 + (1 - first) * 0.25)],
    ["x_c", first * 2 + (1 - first) * 1],
    ["y_c", 2],
    ["w", first * 4 + (1 - first) * 2],
    ["h", 4],
  ])("%s", (id, mean) => {
    const { value, terms, rows: live } = run(id, 3);
    expect(value).toBeCloseTo(Math.log(mean), 7);
    expect(terms).toEqual([value]);
    expect(live).toEqual([0, 1]);
  });

  it("gradient of the probabilities is weight over mean", () => {
    const { gradient } = run("class", 3);
    const mean = first * 0.75 + (1 - first) * 0.5;
    expect(gradient[5]).toBeCloseTo(first / mean, 7);
    expect(gradient[7 + 5]).toBeCloseTo((1 - first) / mean, 7);
    expect([gradient[4], gradient[6], gradient[7 + 4], gradient[7 + 6]]).toEqual([0, 0, 0, 0]);
  });

  it("gradient flows through the IoU into x, y, w, h, halved at ties", () => {
    const { gradient } = run("class", 3);
    const mean = first * 0.75 + (1 - first) * 0.5;
    // d mean / d IoU of row 0 = w0 · w1 · (p0 − p1); the row is the box, so half of each edge's slope counts:
    // d inter / d w = 4 · (½ · ½ + ½ · ½) = 2 of d area / d w = 4: IoU = inter / (16 + area − inter).
    const slope = (2 * 16 - 16 * (4 - 2)) / 16 ** 2;
    expect(gradient[2]).toBeCloseTo((first * (1 - first) * 0.25 * slope) / mean, 7);
    // Row 1 inside the box: its right edge moves alone, the left ties with the box.
    const slopeOf1 = (4 * 0.5 + 4 * 0.25) / 16;
    const fromArea = (8 * (4 - 3)) / 16 ** 2;
    expect(gradient[7 + 2]).toBeCloseTo((-first * (1 - first) * 0.25 * (slopeOf1 - fromArea)) / mean, 7);
  });

  it("takes only the rows nearest to the box", () => {
    expect(run("class", 1).value).toBe(Math.log(0.75));
    // Of equally near rows the first: row 2 ties with row 0, and is of another class.
    expect(run("class", 2).value).toBe(Math.log(0.75));
    expect(run("class", 100).rows).toEqual([0, 1, 3]);
  });
});

describe("targets without a score contribute nothing", () => {
  const rows = predictions([
    [2, 2, 4, 4, 0.5, 0.75, 0.25],
    [2, 2, 4, 4, 0, 0.75, 0.25],
  ]);

  it("no row of the class", () => {
    const {
      value,
      terms,
      rows: live,
      gradient,
    } = evaluateScore(resolveScore("class"), rows, [target(0, 0, 4, 4, 1)], { topk: 2 });
    expect({ value, terms, live, gradient: [...gradient] }).toEqual({
      value: 0,
      terms: [null],
      live: [],
      gradient: [],
    });
  });

  it("the logarithm of zero", () => {
    const nothing = predictions([[2, 2, 4, 4, 0, 0.75, 0.25]]);
    for (const id of ["confidence", "class_confidence"]) {
      const result = evaluateScore(resolveScore(id), nothing, [target(0, 0, 4, 4)], { topk: 2 });
      expect(result).toEqual({ value: 0, terms: [null], rows: [], gradient: new Float64Array(), prototypes: [] });
    }
  });

  it("leaves the other targets as they are", () => {
    const both = [target(0, 0, 4, 4), target(0, 0, 4, 4, 1)];
    const alone = evaluateScore(resolveScore("class"), rows, both.slice(0, 1), { topk: 2 });
    const result = evaluateScore(resolveScore("class"), rows, both, { topk: 2 });
    expect(result.terms).toEqual([alone.value, null]);
    expect([result.value, result.rows, result.gradient]).toEqual([alone.value, alone.rows, alone.gradient]);
  });

  it("no targets, no rows", () => {
    const empty = { value: 0, terms: [], rows: [], gradient: new Float64Array(), prototypes: [] };
    expect(evaluateScore(resolveScore("class"), rows, [], { topk: 10 })).toEqual(empty);
    expect(evaluateScore(resolveScore("class"), predictions([]), [target(0, 0, 4, 4)], { topk: 10 })).toEqual({
      ...empty,
      terms: [null],
    });
  });

  it("rows that are not finite never take part", () => {
    const good = [2, 2, 4, 4, 0.5, 0.75, 0.25];
    const options = { topk: 2, versus: 1 };
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      // class_sum is about all rows; a row that is bad elsewhere still has its class.
      for (const score of plainScores.filter(({ id }) => id !== "class_sum")) {
        const clean = evaluateScore(score, predictions([good]), [target(0, 0, 4, 4)], options);
        for (const column of good.keys()) {
          const spoiled = [...good];
          spoiled[column] = bad;
          const result = evaluateScore(score, predictions([good, spoiled]), [target(0, 0, 4, 4)], options);
          expect(result).toEqual(clean);
        }
        const allBad = evaluateScore(score, predictions([good.map(() => bad)]), [target(0, 0, 4, 4)], options);
        expect(allBad).toEqual({ value: 0, terms: [null], rows: [], gradient: new Float64Array(), prototypes: [] });
      }
    }
  });
});

const ownRow = new Set(["row", "row_logit", "x1", "y1", "x2", "y2", "contrast", "finer"]);

describe("every score", () => {
  for (const score of plainScores) {
    it(`${score.id}: gradient against central differences`, () => {
      const random = randomSource(5);
      const columns = 8;
      const rows = Array.from({ length: 23 }, () => [
        ...[20 + 6 * random(), 30 + 6 * random(), 12 + 8 * random(), 9 + 8 * random()],
        ...Array.from({ length: 4 }, () => 0.1 + 0.8 * random()),
      ]);
      const boxes = [target(16, 25.5, 29, 38, 0), target(14.5, 24, 31, 36, 2), target(15, 27, 27.5, 35, 1)];
      const targets = boxes.map((one, i) => ({ ...one, row: 3 + 7 * i }));
      const options = { topk: 10, versus: 1 };
      const evaluate = (data: Float32Array) => evaluateScore(score, { rows: 23, columns, data }, targets, options);
      const data = Float32Array.from(rows.flat());
      const { rows: live, gradient, terms } = evaluate(data);
      expect(terms).not.toContain(null);
      // Scores of the box's own row see a row a target.
      expect(live.length).toBeGreaterThan(ownRow.has(score.id) ? 1 : 5);
      const largest = Math.max(...gradient.map(Math.abs));
      for (let position = 0; position < data.length; position++) {
        // Predictions are float32, so the step is one that they can take.
        const step = position % columns < 4 ? 2 ** -8 : 2 ** -12;
        const [up, down] = [data.slice(), data.slice()];
        up[position]! += step;
        down[position]! -= step;
        const slope = (evaluate(up).value - evaluate(down).value) / (up[position]! - down[position]!);
        const place = live.indexOf(Math.floor(position / columns));
        const ours = place < 0 ? 0 : gradient[place * columns + (position % columns)]!;
        expect(Math.abs(ours - slope) / largest).toBeLessThan(2e-3);
      }
    });
  }
});

describe("nearestRows", () => {
  it("equals a stable sort of all", () => {
    const random = randomSource(9);
    const rows = Array.from({ length: 200 }, () => [Math.floor(4 * random()), 0, 4, 4, 1, 1]);
    const box = { frame: "input", x1: -2, y1: -2, x2: 2, y2: 2 } as const;
    const expected = rows.map(([x], row) => ({ x: x!, row })).sort((a, b) => a.x - b.x || a.row - b.row);
    for (const count of [1, 10, 199, 200, 500]) {
      expect(nearestRows(predictions(rows), box, count)).toEqual(expected.slice(0, count).map(({ row }) => row));
    }
  });
});

describe("resolveScore", () => {
  it("knows ids and aliases, whatever their case", () => {
    expect(defaultScores.map(({ id }) => id)).toEqual([
      "class",
      "confidence",
      "class_confidence",
      "x_c",
      "y_c",
      "w",
      "h",
      "row",
      "row_logit",
      "x1",
      "y1",
      "x2",
      "y2",
      "class_sum",
      "contrast",
      "finer",
      "mask",
      "keypoints",
      "angle",
    ]);
    for (const score of defaultScores) {
      for (const name of [score.id, score.id.toUpperCase(), ...(score.aliases ?? [])]) {
        expect(resolveScore(name)).toBe(score);
      }
    }
  });

  it("takes scores of the caller", () => {
    const mine: Score = { id: "mine", title: "Mine", of: (view) => view.at(0, 4) };
    expect(resolveScore("mine", [...defaultScores, mine])).toBe(mine);
    const { value, gradient } = evaluateScore(mine, predictions([[1, 1, 1, 1, 0.5, 1]]), [target(0, 0, 1, 1)], {
      topk: 1,
    });
    expect([value, ...gradient]).toEqual([0.5, 0, 0, 0, 0, 1, 0]);
  });

  it("refuses unknown items with the valid ones and the nearest", () => {
    expect(() => resolveScore("confidense")).toThrow(/class, confidence, class_confidence.* Did you mean "confidence"/);
    expect(() => resolveScore("confidense")).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("refuses two scores of one name", () => {
    const twin: Score = { id: "Width", title: "", of: () => null };
    expect(() => resolveScore("class", [...defaultScores, twin])).toThrow(/share the name "Width"/);
  });
});

describe("evaluateScore refuses", () => {
  it.each([0, -1, 1.5, Number.NaN])("topk %d", (topk) => {
    const call = () => evaluateScore(resolveScore("class"), predictions([[1, 1, 1, 1, 1, 1]]), [], { topk });
    expect(call).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("data that does not fit the shape", () => {
    const wrong = { rows: 2, columns: 6, data: new Float32Array(11) };
    expect(() => evaluateScore(resolveScore("class"), wrong, [], { topk: 1 })).toThrow(/2 rows × 6 columns hold 11/);
  });
});
