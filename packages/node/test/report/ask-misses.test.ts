import { WhyboxError } from "@whybox/core";
import { kindNumber } from "@whybox/report";
import { expect, it } from "vitest";
import type { Detector } from "../../src/api.js";
import { askMisses } from "../../src/report/ask-misses.js";
import { collect } from "../../src/report/collect.js";
import { openRun } from "../../src/report/read-run.js";
import { fakeResult } from "../cli/fake-world.js";
import { detectionOf, emptyFolder, type FakeImage, linesOf, writeRun } from "./synthetic-run.js";

const size: [number, number] = [4, 6];
const images: FakeImage[] = [{ source: "a.jpg", size, detections: [detectionOf({ box: [0, 0, 2, 2] })] }];

/** Two missed objects. The second one is larger. */
const truth = {
  from: "the test",
  objectsOf: async () => [
    { class: 1, box: [4, 0, 5, 1] as const, crowd: false },
    { class: 3, box: [3, 1, 6, 4] as const, crowd: false },
  ],
  notes: () => [],
};

/** A detector whose map is the right half of every image. It records its calls. */
function fakeDetector(asked: unknown[], changes: Partial<Detector> = {}): Detector {
  const data = Float32Array.from({ length: 24 }, (_, i) => (i % 6 >= 3 ? 1 : 0));
  const answer = {
    ...{
      className: "boat",
      row: 3,
      levelName: "P3",
      iou: 0.4,
      objectness: 0.5,
      classProbability: 0.2,
      confidence: 0.1,
    },
    ...{
      bestClassName: "dog",
      bestClassProbability: 0.6,
      detection: undefined,
      verdict: "Not detected: it looks like a dog.",
    },
    boxImage: { frame: "image" as const, x1: 3, y1: 1, x2: 6, y2: 4 },
    boxInput: { frame: "input" as const, x1: 3, y1: 1, x2: 6, y2: 4 },
  };
  return {
    report: { sha256: "ab".repeat(32), classNames: ["person", "dog", "cat", "boat"] },
    explain: async (image: unknown, options: unknown) => {
      asked.push([image, options]);
      return { ...fakeResult, heatmap: { height: 4, width: 6, data }, asked: answer };
    },
    dispose: async () => void asked.push("disposed"),
    ...changes,
  } as unknown as Detector;
}

async function asking(max: number, detector: (asked: unknown[]) => Detector = fakeDetector) {
  const asked: unknown[] = [];
  const root = await emptyFolder();
  const run = await openRun(await writeRun(root, { lines: linesOf(images) }));
  const collected = await collect(run, truth);
  const found = await askMisses(run, collected, { loadDetector: async () => detector(asked), max });
  return { asked, found, rows: collected.rows, root };
}

it("explains missed objects, the largest first, with the options of the run", async () => {
  const { asked, found, rows, root } = await asking(1);
  const box = { x1: 3, y1: 1, x2: 6, y2: 4, className: "boat" };
  const explain = { method: "GradCAM", layer: "auto", confidence: 0.25, iou: 0.45, box };
  expect(asked).toEqual([[`${root}/a.jpg`, explain], "disposed"]);
  expect(found.answers).toEqual([
    { row: 2, verdict: "Not detected: it looks like a dog.", bestClass: "dog", bestProbability: 0.6 },
  ]);
  expect(found.notes).toEqual([expect.stringMatching(/^1 smaller missed object is not explained/)]);
  expect(rows[2]).toMatchObject({ kind: kindNumber("missed"), score: 0.1, inBox: 0.75, area: 9 / 24 });
  expect(rows[1]!.score).toBeNaN();
});

it("explains none and loads no model if the maximum is 0", async () => {
  const { asked, found } = await asking(0);
  expect([asked, found]).toEqual([[], { answers: [], notes: [] }]);
});

it("continues if the model has changed since the run", async () => {
  const report = { sha256: "00".repeat(32), classNames: [] } as unknown as Detector["report"];
  const { found, asked } = await asking(9, (list) => fakeDetector(list, { report }));
  expect(asked).toEqual(["disposed"]);
  expect(found.notes).toEqual([
    "Missed objects are not explained: the model at /models/best.onnx has changed since the run.",
  ]);
});

it("counts missed objects that could not be explained", async () => {
  const explain = () => Promise.reject(new WhyboxError("bad-input", "a.jpg is gone."));
  const { found } = await asking(9, (list) => fakeDetector(list, { explain }));
  expect(found.notes).toEqual(["2 missed objects could not be explained. The first: a.jpg is gone."]);
});

it("throws internal errors and aborts", async () => {
  const bug = () => Promise.reject(new TypeError("x is not a function"));
  await expect(asking(9, (list) => fakeDetector(list, { explain: bug }))).rejects.toThrow("x is not a function");
  const aborted = () => Promise.reject(new WhyboxError("aborted", "The operation was aborted."));
  await expect(asking(9, (list) => fakeDetector(list, { explain: aborted }))).rejects.toThrow("aborted");
});
