import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { detect } from "../../src/detector/detect.js";
import type { Predictions } from "../../src/detector/detection.js";
import type { DetectorHead } from "../../src/detector/head.js";
import type { Letterbox } from "../../src/image/frame.js";
import { evaluateScore, resolveScore } from "../../src/scores/index.js";
import type { ScoreTarget } from "../../src/scores/score.js";
import { gridFacts } from "../support/grid-facts.js";

/** See fixtures/make/cut-score-cases.py. */
interface Image {
  readonly inputSize: readonly [number, number];
  readonly classes: readonly number[];
  readonly rows: readonly (readonly number[])[];
  readonly targets: readonly {
    readonly class: number;
    readonly box: readonly [number, number, number, number];
    readonly confidence: number;
  }[];
  readonly cases: readonly {
    readonly id: string;
    readonly item: string;
    readonly targets: readonly number[];
    readonly score: number;
    readonly gradientRows: readonly number[];
    readonly gradient: readonly (readonly number[])[];
  }[];
}

const folder = new URL("../../../../fixtures/scores/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

function predictionsOf({ rows }: Image): Predictions {
  return { rows: rows.length, columns: rows[0]!.length, data: Float32Array.from(rows.flat()) };
}

function targetsOf({ targets }: Image): ScoreTarget[] {
  return targets.map(({ class: classIndex, box: [x1, y1, x2, y2] }) => ({
    classIndex,
    boxInput: { frame: "input", x1, y1, x2, y2 },
    row: 0,
  }));
}

describe.each(files)("the Python reference on %s", (file) => {
  const image: Image = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  const predictions = predictionsOf(image);

  for (const { id, item, targets, score, gradientRows, gradient } of image.cases) {
    it(`score ${item} of ${id}`, () => {
      const all = targetsOf(image);
      const chosen = targets.map((index) => all[index]!);
      const result = evaluateScore(resolveScore(item), predictions, chosen, { topk: 10 });
      expect(Math.abs(result.value - score)).toBeLessThan(1e-5);
      expect(result.rows).toEqual(gradientRows);
      const expected = gradient.flat();
      const largest = Math.max(...expected.map(Math.abs));
      const error = Math.max(...expected.map((value, i) => Math.abs(value - result.gradient[i]!)));
      expect(error / largest).toBeLessThan(1e-5);
    });
  }

  it("detections", () => {
    const { inputSize } = image;
    const letterbox: Letterbox = {
      imageSize: inputSize,
      inputSize,
      contentSize: inputSize,
      scale: 1,
      padTop: 0,
      padLeft: 0,
    };
    const options = { confidence: 0.25, iou: 0.45, maxDetections: 1000, agnostic: false };
    const found = detect({ predictions: predictions, head: cutHead(image), classNames: [], letterbox }, options);
    const asWritten = found.map(({ classIndex, confidence, boxInput: { x1, y1, x2, y2 } }) => {
      return { class: classIndex, box: [x1, y1, x2, y2], confidence };
    });
    const expected = image.targets.map((target) => ({ ...target, confidence: Math.fround(target.confidence) }));
    expect(asWritten).toEqual(expected);
  });
});

/** A head with the rows of the cut: only their number matters here. */
function cutHead({ rows, classes }: Image): DetectorHead {
  return {
    ...gridFacts("cut", classes.length),
    levels: [{ stride: 8, name: "P3", anchors: 1, inputs: [""], convOutputs: [""], rows: undefined }],
    cells: () => [1, rows.length],
    rowCount: () => rows.length,
    hasCells: true,
    rowRange: () => [0, rows.length],
    originOf: (row) => ({ level: 0, anchor: 0, cell: [row, 0] }),
  };
}
