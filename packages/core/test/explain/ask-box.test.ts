import { afterAll, describe, expect, it } from "vitest";
import type { Detection } from "../../src/detector/detection.js";
import { gridHead } from "../../src/detector/head.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import type { ResolvedExplainOptions } from "../../src/explain/options/resolve-options.js";
import { askBox, strongestRow } from "../../src/explain/targets/ask-box.js";
import { ASKED } from "../../src/explain/targets/detection-score.js";
import type { Box, Letterbox } from "../../src/image/frame.js";
import { gridFacts } from "../support/grid-facts.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";

const level = { stride: 16, anchors: 1, name: "P4", inputs: [""], convOutputs: [""], rows: undefined };
const loaded = { head: gridHead(gridFacts("out", 2), [level]), classNames: ["cat", "dog"] } as unknown as LoadedModel;
/** An image of 32 × 64 in an input of 16 × 32: two cells. Boxes of the input are half as large. */
const letterbox: Letterbox = {
  imageSize: [32, 64],
  inputSize: [16, 32],
  contentSize: [16, 32],
  scale: 0.5,
  padTop: 0,
  padLeft: 0,
};
const options = { topk: 2, confidence: 0.25 } as ResolvedExplainOptions;
const box = { x1: 0, y1: 0, x2: 16, y2: 16, className: "dog" };

const ask = (
  rows: readonly (readonly number[])[],
  detections: readonly Partial<Detection>[] = [],
  asked: Partial<typeof box> = {},
) => {
  const predictions = { rows: 2, columns: 7, data: Float32Array.from(rows.flat()) };
  const question = { detections: detections as Detection[], asked: { ...box, ...asked }, options };
  return askBox(loaded, { scene: { predictions, letterbox }, ...question });
};

const input = (x1: number, y1: number, x2: number, y2: number): Box<"input"> => ({ frame: "input", x1, y1, x2, y2 });
/** The box itself, and one far off. */
const rowsOf = (objectness: number, cat: number, dog: number) => [
  [4, 4, 8, 8, objectness, cat, dog],
  [24, 8, 8, 8, 0.9, 0.9, 0.9],
];

describe("the row that speaks for a box", () => {
  it("has the largest objectness × class × IoU of those near", () => {
    const data = [
      [4, 4, 8, 8, 0.5, 0.5, 0.2],
      [2, 4, 4, 8, 0.9, 0.1, 0.8],
    ];
    const predictions = { rows: 2, columns: 7, data: Float32Array.from(data.flat()) };
    expect(strongestRow(predictions, { box: input(0, 0, 8, 8), classIndex: 1, topk: 2 })).toBe(1);
    expect(strongestRow(predictions, { box: input(0, 0, 8, 8), classIndex: 0, topk: 2 })).toBe(0);
    expect(strongestRow(predictions, { box: input(0, 0, 8, 8), classIndex: 1, topk: 1 })).toBe(0);
  });

  it("is the most certain one where no box is near", () => {
    expect(ask(rowsOf(0.1, 0.1, 0.1), [], { x1: 30, y1: 24, x2: 34, y2: 28 }).answer).toMatchObject({ row: 1, iou: 0 });
  });

  it("is 0 where no row is sound", () => {
    const predictions = { rows: 1, columns: 7, data: new Float32Array(7).fill(Number.NaN) };
    expect(strongestRow(predictions, { box: input(0, 0, 8, 8), classIndex: 1, topk: 3 })).toBe(0);
  });

  it("is described like a detection", () => {
    const { target, answer } = ask(rowsOf(0.5, 0.25, 0.5));
    expect(answer).toMatchObject({ row: 0, levelName: "P4", objectness: 0.5, classProbability: 0.5, confidence: 0.25 });
    expect(answer).toMatchObject({ bestClassName: "dog", bestClassProbability: 0.5, className: "dog" });
    expect(answer.iou).toBeCloseTo(1, 6);
    expect([answer.boxImage, answer.boxInput]).toEqual([
      { frame: "image", x1: 0, y1: 0, x2: 16, y2: 16 },
      input(0, 0, 8, 8),
    ]);
    expect(target).toMatchObject({
      index: ASKED,
      classIndex: 1,
      level: 0,
      stride: 16,
      anchor: 0,
      cell: [0, 0],
      row: 0,
    });
    expect(target.boxInput).toEqual(answer.boxInput);
  });
});

const found = (index: number, classIndex: number, boxInput: Box<"input">) => ({
  ...{ index, classIndex, className: ["cat", "dog"][classIndex]!, boxInput },
});

describe("the verdict", () => {
  const here = input(0, 0, 8, 8);
  it.each([
    [
      "detected",
      ask(rowsOf(0.5, 0.1, 0.8), [found(0, 0, here), found(3, 1, here)]),
      "It was detected: detection 3. The row that supports it most has objectness 50.0 % × dog 80.0 % = 40.0 %.",
    ],
    [
      "a rival of another class over it",
      ask(rowsOf(0.5, 0.1, 0.8), [found(2, 0, here)]),
      "Not detected, although a row near it is confident enough (objectness 50.0 % × dog 80.0 % = 40.0 %): detection 2 (cat) overlaps it.",
    ],
    [
      "a neighbour that overlaps a little",
      ask(rowsOf(0.5, 0.1, 0.8), [found(1, 1, input(20, 0, 28, 8)), found(2, 1, input(6, 0, 20, 8))]),
      "detection 2 (dog) overlaps it.",
    ],
    [
      "a row whose box is elsewhere",
      ask(rowsOf(0.5, 0.1, 0.8), [found(1, 1, input(20, 0, 28, 8))]),
      "Not detected, although a row near it is confident enough (objectness 50.0 % × dog 80.0 % = 40.0 %): the box of that row is elsewhere.",
    ],
    [
      "taken for another class",
      ask(rowsOf(0.5, 0.8, 0.25)),
      "Not detected: objectness 50.0 % × dog 25.0 % = 12.5 %, below the minimum confidence of 25.0 %; the network classifies it as cat (80.0 %).",
    ],
    [
      "taken for another class, which was detected",
      ask(rowsOf(0.5, 0.8, 0.25), [found(4, 0, here)]),
      "the network classifies it as cat (80.0 %), and detected a cat there (detection 4).",
    ],
    [
      "nothing seen there",
      ask(rowsOf(0.1, 0.1, 0.8)),
      "Not detected: objectness 10.0 % × dog 80.0 % = 8.0 %, below the minimum confidence of 25.0 %; mainly because the objectness is low.",
    ],
    ["unsure of the class", ask(rowsOf(0.8, 0.1, 0.2)), "; mainly because the probability of dog is low."],
  ])("%s", (_, { answer }, words) => {
    expect(answer.verdict.endsWith(words), answer.verdict).toBe(true);
    expect(answer.detection).toBe(words.startsWith("It was") ? 3 : undefined);
  });

  it("counts a detection of the class as the object from half of IoU on", () => {
    expect(ask(rowsOf(0.5, 0.1, 0.8), [found(0, 1, input(0, 0, 8, 4.1))]).answer.detection).toBe(0);
    expect(ask(rowsOf(0.5, 0.1, 0.8), [found(0, 1, input(0, 0, 8, 3.9))]).answer.detection).toBeUndefined();
  });
});

describe("boxes that cannot be", () => {
  const NOT = Number.NaN;
  it.each([
    { x1: 16, x2: 0 },
    { x1: 16, x2: 16 },
    { y1: 16, y2: 16 },
    { x1: 64, x2: 80 },
    { y1: 32, y2: 40 },
    { x1: -9, x2: 0 },
    { y1: -9, y2: -1 },
    { x1: NOT },
    { y2: NOT },
  ])("%j", (asked) => {
    expect(() => ask(rowsOf(0.5, 0.5, 0.5), [], asked)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining("pixels of the image (64×32)") }),
    );
  });

  it("are cut to the image when they reach beyond", () => {
    const { boxImage } = ask(rowsOf(0.5, 0.5, 0.5), [], { x1: -5, y1: -5, x2: 99, y2: 99 }).answer;
    expect(boxImage).toEqual({ frame: "image", x1: 0, y1: 0, x2: 64, y2: 32 });
  });

  it("refuses a class that is none", () => {
    expect(() => ask(rowsOf(0.5, 0.5, 0.5), [], { className: "horse" })).toThrow(/Unknown class "horse"/);
  });
});

describe("explained", async () => {
  const detector = await miniDetector();
  afterAll(() => detector.dispose());
  const size = { imageSize: MINI_SIZE };

  it("a box that was detected is explained as the detection is", async () => {
    const { detections } = await detector.detect(makeImage(), size);
    const { boxImage, className } = detections[0]!;
    const asked = await detector.explain(makeImage(), { ...size, box: { ...boxImage, className } });
    expect(asked.asked).toMatchObject({ detection: 0, row: detections[0]!.row });
    expect([asked.method, asked.explained, asked.maps]).toEqual(["tap-fusion", [], []]);
    const same = await detector.explain(makeImage(), { ...size, maxDetections: 1, per: "detection" });
    expect(same.explained).toEqual([0]);
    asked.heatmap.data.forEach((value, i) => {
      expect(Math.abs(value - same.heatmap.data[i]!)).toBeLessThan(1e-3);
    });
  });

  it("a box where nothing was detected has a map all the same", async () => {
    const asked = await detector.explain(makeImage(), {
      ...size,
      confidence: 0.99,
      box: { ...box, className: "class1" },
    });
    expect(asked.detections).toEqual([]);
    expect(asked.empty).toBeUndefined();
    expect(Math.max(...asked.heatmap.data)).toBeCloseTo(1, 5);
    expect(asked.asked!.verdict).toMatch(/^Not detected: .*below the minimum confidence of 99.0 %/);
  });

  it("a layer that is blind to it says so, and does not blame the confidence", async () => {
    const corner = { x1: 0, y1: 0, x2: 8, y2: 8, className: "class1" };
    const asked = await detector.explain(makeImage(), { ...size, confidence: 0.99, topk: 1, layer: 23, box: corner });
    expect(asked.asked!.levelName).toBe("P3");
    expect(asked.empty).toMatchObject({
      reason: "zero-gradient",
      message: expect.stringContaining("cannot see the box (class1)"),
    });
  });
});
