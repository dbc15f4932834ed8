import { describe, expect, it } from "vitest";
import { BOX_COLUMNS } from "../../src/boxes/box-columns.js";
import type { Extra, Predictions } from "../../src/detector/detection.js";
import { defaultScores, evaluateScore, resolveScore, scoreHessianVector } from "../../src/scores/index.js";
import { iouOfRow, iouOnTape, nearestRows, withBoxTable } from "../../src/scores/iou.js";
import { maskCellsOf } from "../../src/scores/mask.js";
import { Rescorer } from "../../src/scores/rescore.js";
import type { Score, ScoreTarget } from "../../src/scores/score.js";
import { taskPredictions } from "../support/task-predictions.js";

const options = { topk: 5, versus: 1 };
/** Larger than the rows' hulls on one side, so that no edges tie. */
const box = { frame: "input", x1: 19.3, y1: 18.1, x2: 63.7, y2: 52.9 } as const;
const targetIn = (predictions: Predictions): ScoreTarget => ({
  boxInput: box,
  classIndex: 0,
  row: 2,
  maskCells: maskCellsOf(predictions, 2, box, [64, 96]),
});
const fits = (score: Score, { extra }: Predictions) => {
  const keypoints = extra?.task === "pose" ? extra.keypoints : undefined;
  return score.refuse?.({ task: extra!.task, keypoints }) === undefined;
};
const tasks: readonly Extra["task"][] = ["segment", "pose", "obb"];

/** The same with one number changed; boxes are read anew. */
function moved(predictions: Predictions, position: number, by: number): Predictions {
  const data = predictions.data.slice();
  data[position]! += by;
  return { ...predictions, data };
}

describe.each(tasks)("scores of a model for the task %s", (task) => {
  const predictions = taskPredictions(task);
  const target = targetIn(predictions);
  const all = [...defaultScores, resolveScore("keypoint:tail"), resolveScore("keypoint:1")];
  const scores = all.filter((score) => fits(score, predictions));

  it.each(scores.map((score) => [score.id, score] as const))("%s: against differences", (_, score) => {
    const value = (given: Predictions) => evaluateScore(score, given, [target], options).value;
    const found = evaluateScore(score, predictions, [target], options);
    expect(found.terms[0]).not.toBeNull();
    expect(found.rows.length).toBeGreaterThan(0);
    const h = 2e-3;
    const { columns } = predictions;
    for (const [i, row] of found.rows.entries()) {
      for (let c = 0; c < columns; c++) {
        const at = row * columns + c;
        const wanted = (value(moved(predictions, at, h)) - value(moved(predictions, at, -h))) / (2 * h);
        const own = found.gradient[i * columns + c]!;
        // The predictions are float32: a difference quotient is no better than that.
        expect(Math.abs(own - wanted), `row ${row}, column ${c}`).toBeLessThan(2e-3 * (1 + Math.abs(wanted)));
      }
    }
  });

  it.each(["class", "row", "x1", "w"])("%s: second derivatives against differences of the gradient", (id) => {
    const score = resolveScore(id);
    const tangent = predictions.data.map((_, i) => Math.sin(i * i));
    const h = 1e-2;
    const dense = (given: Predictions) => {
      const { rows, gradient } = evaluateScore(score, given, [target], options);
      const full = new Float64Array(given.data.length);
      rows.forEach((row, i) => {
        full.set(gradient.subarray(i * given.columns, (i + 1) * given.columns), row * given.columns);
      });
      return full;
    };
    const at = (s: number) => ({
      ...predictions,
      data: predictions.data.map((value, i) => value + s * h * tangent[i]!),
    });
    const [up, down] = [dense(at(1)), dense(at(-1))];
    const found = scoreHessianVector(score, predictions, [target], options, tangent);
    const own = new Float64Array(up.length);
    found.rows.forEach((row, i) => {
      own.set(
        found.gradient.subarray(i * predictions.columns, (i + 1) * predictions.columns),
        row * predictions.columns,
      );
    });
    own.forEach((value, i) => {
      const wanted = (up[i]! - down[i]!) / (2 * h);
      expect(Math.abs(value - wanted)).toBeLessThan(5e-3 * (1 + Math.abs(wanted)));
    });
  });

  it("are the same when only the changed rows are given", () => {
    for (const score of scores) {
      const rescorer = new Rescorer({ score, base: predictions, targets: [target], options }, [[2, 5]]);
      const part = predictions.data
        .slice(2 * predictions.columns, 5 * predictions.columns)
        .map((value) => value * 1.01);
      const changed = predictions.data.slice();
      changed.set(part, 2 * predictions.columns);
      const wanted = evaluateScore(score, { ...predictions, data: changed }, [target], options).value;
      expect(rescorer.evaluate([{ data: part, offset: 0, length: part.length }])).toBeCloseTo(wanted, 12);
    }
  });
});

describe("the score of a mask", () => {
  const predictions = taskPredictions("segment");
  const target = targetIn(predictions);
  const score = resolveScore("mask");
  const prototypes = predictions.extra?.task === "segment" ? predictions.extra.prototypes : undefined;

  it("is the log of the mean probability over its cells", () => {
    const [E, h, w] = prototypes!.dims as [number, number, number];
    const first = 2 * predictions.columns + 8;
    const logits = Array.from({ length: h * w }, (_, cell) =>
      Array.from({ length: E }, (__, e) => predictions.data[first + e]! * prototypes!.data[e * h * w + cell]!).reduce(
        (a, b) => a + b,
      ),
    );
    // The prototypes have a quarter of the input's side.
    const cells = logits.flatMap((logit, cell) => {
      const [x, y] = [4 * (cell % w), 4 * Math.floor(cell / w)];
      return logit > 0 && x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2 ? [cell] : [];
    });
    expect(target.maskCells).toEqual(cells);
    const mean = cells.reduce((sum, cell) => sum + 1 / (1 + Math.exp(-logits[cell]!)), 0) / cells.length;
    expect(evaluateScore(score, predictions, [target], options).value).toBeCloseTo(Math.log(mean), 12);
  });

  it("has the gradient of the prototypes that differences give", () => {
    const { prototypes: found } = evaluateScore(score, predictions, [target, target], options);
    const gradient = new Float64Array(prototypes!.data.length);
    for (const { coefficients, cells, slopes } of found) {
      coefficients.forEach((coefficient, e) => {
        cells.forEach((cell, i) => {
          gradient[e * 16 * 24 + cell]! += coefficient * slopes[i]!;
        });
      });
    }
    const h = 1e-3;
    const value = (at: number, by: number) => {
      const data = prototypes!.data.slice();
      data[at]! += by;
      const extra = { task: "segment", prototypes: { ...prototypes!, data } } as const;
      return evaluateScore(score, { ...predictions, extra }, [target, target], options).value;
    };
    for (let at = 0; at < gradient.length; at += 7) {
      expect(gradient[at]).toBeCloseTo((value(at, h) - value(at, -h)) / (2 * h), 5);
    }
    expect(gradient.filter((slope) => slope !== 0).length).toBe(3 * target.maskCells!.length);
  });

  it("is missing for an empty mask", () => {
    const found = evaluateScore(score, predictions, [{ ...target, maskCells: [] }], options);
    expect(found).toMatchObject({ value: 0, terms: [null], rows: [], prototypes: [] });
  });

  it("follows prototypes that change", () => {
    const rescorer = new Rescorer({ score, base: predictions, targets: [target], options }, [[0, 8]]);
    const rows = { data: predictions.data, offset: 0, length: predictions.data.length };
    const changed = prototypes!.data.map((value) => value + 0.1);
    const extra = { task: "segment", prototypes: { ...prototypes!, data: changed } } as const;
    const wanted = evaluateScore(score, { ...predictions, extra }, [target], options).value;
    const part = { data: Float32Array.from([9, ...changed]), offset: 1, length: changed.length };
    expect(rescorer.evaluate([rows], part)).toBeCloseTo(wanted, 12);
    expect(rescorer.evaluate([rows])).not.toBeCloseTo(wanted, 3);
  });
});

describe("the score of keypoints", () => {
  const predictions = taskPredictions("pose");
  const value = (id: string) => evaluateScore(resolveScore(id), predictions, [targetIn(predictions)], options).value;

  it("is of all of them, or of one by name or number", () => {
    expect(value("keypoint:NOSE")).toBe(value("keypoints:0"));
    expect(value("keypoint:left_eye")).toBe(value("keypoint:1"));
    const each = ["nose", "left_eye", "right_eye", "tail"].map((name) => Math.exp(value(`keypoint:${name}`)));
    expect(Math.exp(value("keypoints"))).toBeCloseTo(each.reduce((a, b) => a + b) / 4, 12);
    expect(resolveScore("keypoint:tail").id).toBe("keypoint:tail");
  });

  it("asks for the other side in a mirror image", () => {
    const mirrored = (name: string) =>
      evaluateScore(resolveScore(name).mirrored!, predictions, [targetIn(predictions)], options).value;
    expect(mirrored("keypoint:left_eye")).toBe(value("keypoint:right_eye"));
    expect(mirrored("keypoint:2")).toBe(value("keypoint:left_eye"));
    expect(mirrored("keypoint:tail")).toBe(value("keypoint:tail"));
    expect(resolveScore("keypoints").mirrored).toBeUndefined();
  });

  it("says what is missing", () => {
    const model = (dims: 2 | 3) => ({ task: "pose", keypoints: { names: ["nose", "tail"], dims } }) as const;
    expect(resolveScore("keypoint:nosee").refuse!(model(3))).toMatch(/no keypoint "nosee".*nose/);
    expect(resolveScore("keypoints").refuse!(model(2))).toMatch(/no confidence/);
    expect(resolveScore("keypoint:2").refuse!(model(3))).toMatch(/no keypoint "2"/);
    expect(resolveScore("keypoint:1").refuse!(model(3))).toBeUndefined();
  });
});

describe("mirror images", () => {
  it("turn angles and sides around", () => {
    const predictions = taskPredictions("obb");
    const value = (score: Score) => evaluateScore(score, predictions, [targetIn(predictions)], options).value;
    expect(value(resolveScore("angle").mirrored!)).toBe(-value(resolveScore("angle")));
    // −x of the mirrored right side is x of the left one, but for the image's width.
    expect(value(resolveScore("x1").mirrored!)).toBeCloseTo(-value(resolveScore("x2")), 12);
    expect(value(resolveScore("x2").mirrored!)).toBeCloseTo(-value(resolveScore("x1")), 12);
  });
});

describe("rows of rotated boxes", () => {
  it("are near by the upright rectangle around them", () => {
    const flat = taskPredictions("obb", 2);
    const data = flat.data.slice();
    // Two boxes of 40 × 4: upright, and rotated by a quarter.
    data.set([40, 40, 40, 4, 1, 0.9, 0, 0, 0], 0);
    data.set([40, 40, 40, 4, 1, 0.9, 0, 0, Math.PI / 2], 9);
    const predictions = withBoxTable({ ...flat, data });
    const tall = { frame: "input", x1: 38, y1: 20, x2: 42, y2: 60 } as const;
    const wide = { frame: "input", x1: 20, y1: 38, x2: 60, y2: 42 } as const;
    expect(nearestRows(predictions, tall, 1)).toEqual([1]);
    expect(nearestRows(predictions, wide, 1)).toEqual([0]);
  });

  it("have the sides of their table on the tape too", () => {
    const predictions = withBoxTable(taskPredictions("obb"));
    const table = predictions.boxes!;
    for (let row = 0; row < predictions.rows; row++) {
      const side = (id: string) =>
        evaluateScore(resolveScore(id), predictions, [{ ...targetIn(predictions), row }], options).value;
      expect(side("x2") - side("x1")).toBeCloseTo(table[BOX_COLUMNS * row + 2]!, 5);
      expect(side("y2") - side("y1")).toBeCloseTo(table[BOX_COLUMNS * row + 3]!, 5);
      const ofRow = iouOfRow(predictions, row, box);
      const onTape: Score = { id: "iou", title: "", of: (view) => iouOnTape(view, box, row) };
      expect(evaluateScore(onTape, predictions, [targetIn(predictions)], options).value).toBeCloseTo(ofRow, 12);
    }
  });
});
