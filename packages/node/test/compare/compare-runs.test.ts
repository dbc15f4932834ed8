import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type CompareValues, compareOptions } from "../../src/compare/compare-options.js";
import { compareRuns } from "../../src/compare/compare-runs.js";
import { comparisonSchema } from "../../src/compare/comparison.js";
import type { Manifest } from "../../src/runs/schema.js";
import {
  detectionOf,
  emptyFolder,
  type FakeImage,
  linesOf,
  manifestOf,
  putImage,
  writeRun,
} from "../report/synthetic-run.js";

let root: string;
beforeEach(async () => {
  root = await emptyFolder();
});

const defaults = Object.fromEntries(
  Object.entries(compareOptions).map(([name, row]) => [name, "default" in row ? row.default : undefined]),
) as unknown as CompareValues;

interface Made {
  readonly manifest?: Partial<Manifest>;
  readonly finished?: boolean;
}

async function run(name: string, images: readonly FakeImage[], made: Made = {}): Promise<string> {
  const folder = await writeRun(root, { lines: linesOf(images), ...made });
  await rename(folder, join(root, name));
  return join(root, name);
}

async function compared(a: readonly FakeImage[], b: readonly FakeImage[], limits: Partial<CompareValues> = {}) {
  const [first, second] = [await run("a", a), await run("b", b)];
  return comparisonSchema.parse(await compareRuns({ a: first, b: second, limits: { ...defaults, ...limits } }));
}

const boat = detectionOf({ class: 3, box: [10, 10, 30, 30], score: 0.9 });
const dog = detectionOf({ class: 1, box: [40, 12, 60, 40], score: 0.8 });
const one: FakeImage = { source: "1.jpg", detections: [boat, dog] };
const two: FakeImage = { source: "2.jpg", detections: [boat] };

describe("compareRuns", () => {
  it("finds nothing in equal runs", async () => {
    const found = await compared([one, two], [one, two]);
    expect(found).toMatchObject({ passed: true, problems: [], notes: ["Both runs have the same model."] });
    expect(found.counts).toEqual({ paired: 3, compared: 3, moved: 0, lost: 0, gained: 0 });
    expect(found.medians).toEqual({ correlation: 1, overlap: 1, shift: 0, inBoxChange: 0 });
  });

  it("fails when the heat moves, and says which figures are beyond their limits", async () => {
    const found = await compared([one, two], [{ ...one, hot: [0.05, 0.95] }, two]);
    expect(found.passed).toBe(false);
    expect(found.problems).toEqual(["The attention moved for 2 of 3 detections (66.7 %); at most 5 % are allowed."]);
    expect(found.pairs.map(({ source, name }) => `${source} ${name}`)[2]).toBe("2.jpg boat");
    expect(found.pairs[0]!.moved).toEqual(expect.arrayContaining(["overlap", "shift"]));
    expect(found.pairs[2]!.moved).toEqual([]);
  });

  it("passes the same runs with wider limits", async () => {
    expect(await compared([one, two], [{ ...one, hot: [0.05, 0.95] }, two], { maxMoved: 0.7 })).toMatchObject({
      passed: true,
    });
  });

  it("finds heat that leaves the box", async () => {
    const cold = detectionOf({ class: 3, box: [10, 10, 30, 30], score: 0.9, inBox: 0.1 });
    const found = await compared([two], [{ ...two, detections: [cold] }]);
    expect(found.pairs[0]).toMatchObject({ moved: ["inBoxChange"], figures: { inBoxChange: -0.4 } });
  });

  it("pairs by class name and IoU, and lists what only one run has", async () => {
    const shifted = detectionOf({ class: 3, box: [12, 10, 32, 30], score: 0.7 });
    const other = detectionOf({ class: 0, box: [40, 12, 60, 40], score: 0.6 });
    const b = [{ source: "1.jpg", detections: [shifted, other] }];
    const found = await compared([one], b, { maxLost: 0.4, maxGained: 0.4 });
    expect(found.pairs.map(({ name, iou }) => [name, iou])).toEqual([["boat", 0.818182]]);
    expect(found.lost).toMatchObject([{ source: "1.jpg", name: "dog", index: 1, score: 0.8 }]);
    expect(found.gained).toMatchObject([{ source: "1.jpg", name: "person", index: 1, score: 0.6 }]);
    expect(found.problems).toEqual([
      "The second run lost 1 of 2 detections (50 %); at most 40 % are allowed.",
      "The second run gained 1 of 2 detections (50 %); at most 40 % are allowed.",
    ]);
  });

  it("fails when an image of the first run is not in the second", async () => {
    const found = await compared([one, two], [two, { ...one, source: "3.jpg" }]);
    expect(found.images).toEqual({ compared: 1, onlyInA: ["1.jpg"], onlyInB: ["3.jpg"], changed: [] });
    expect(found.problems).toEqual(["1 image of the first run has no result in the second."]);
    expect(found.notes).toContain("Images only in the second run: 1. They are not compared.");
  });

  it("takes the images in any order, by file name and by content", async () => {
    await putImage(join(root, "old/x.jpg"));
    await putImage(join(root, "new/y.jpg"));
    const a = await run("a", [{ source: "p/1.jpg", detections: [boat] }, two, { ...two, source: "old/x.jpg" }]);
    const b = await run("b", [{ ...two, source: "new/y.jpg" }, two, { source: "q/1.jpg", detections: [boat] }]);
    const found = await compareRuns({ a, b, limits: defaults });
    expect([found.images.compared, found.passed]).toEqual([3, true]);
  });

  it("does not compare images whose content or size has changed", async () => {
    await putImage(join(root, "p/1.jpg"));
    await putImage(join(root, "q/1.jpg"), [50, 64]);
    const a = await run("a", [{ ...two, source: "p/1.jpg" }, one, two]);
    const b = await run("b", [{ ...two, source: "q/1.jpg" }, { ...one, size: [64, 64] }, two]);
    const found = await compareRuns({ a, b, limits: defaults });
    expect(found.images).toEqual({ compared: 1, onlyInA: [], onlyInB: [], changed: ["p/1.jpg", "1.jpg"] });
    expect(found.problems).toEqual(["2 images changed between the runs, for example p/1.jpg."]);
  });

  it("says what is missing when no detection has its own map", async () => {
    const bare = { ...two, detections: [detectionOf({ class: 3, box: [10, 10, 30, 30], heat: null })] };
    const found = await compared([bare], [bare]);
    expect(found.problems).toEqual(["No detection has a map of its own in both runs, so nothing was compared."]);
    expect(found.notes[1]).toMatch(/^Detections without a map .*: 1\. Make both runs with --per detection/);
  });

  it("refuses runs of different methods, and notes other differences", async () => {
    const { options, versions, model } = manifestOf(root, 1);
    const a = await run("a", [two]);
    const changed = { ...options, explain: { ...options.explain, method: "ODAM" } };
    const b = await run("b", [two], { manifest: { options: changed } });
    await expect(compareRuns({ a, b, limits: defaults })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining('method is "GradCAM" in the first and "ODAM" in the second'),
    });
    const c = await run("c", [two], {
      finished: false,
      manifest: {
        options: { ...options, explain: { ...options.explain, confidence: 0.5 }, input: { fit: "stretch" } },
        versions: { ...versions, whybox: "1.2.3" },
        model: { ...model, sha256: "ef".repeat(32) },
      },
    });
    expect((await compareRuns({ a, b: c, limits: defaults })).notes).toEqual([
      'The runs have different options: confidence is 0.25 in the first and 0.5 in the second; input is null in the first and {"fit":"stretch"} in the second.',
      'The runs were made with different versions: versions.whybox is "9.9.9" in the first and "1.2.3" in the second.',
      `The run ${c} is not finished. Only its finished part is compared.`,
    ]);
  });

  it("refuses folders without a common image, and folders that are no runs", async () => {
    const [a, b] = [await run("a", [one]), await run("b", [two])];
    await expect(compareRuns({ a, b, limits: defaults })).rejects.toThrow(/^No image is in both runs/);
    await rm(join(root, "b/manifest.json"));
    await expect(compareRuns({ a, b, limits: defaults })).rejects.toThrow(/is not the folder of a run/);
    await writeFile(join(a, "results.jsonl"), "{}\n");
    await expect(compareRuns({ a, b: a, limits: defaults })).rejects.toThrow(/results\.jsonl, line 1 is damaged/);
  });
});
