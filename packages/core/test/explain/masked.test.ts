import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Detection, Predictions } from "../../src/detector/detection.js";
import { MaskedRuns, similarity } from "../../src/explain/evidence/masked.js";
import { resolveScore } from "../../src/scores/index.js";
import { fixedModel, type MiniPass, openPass, tameModel } from "../support/mini-detector.js";
import { scoreOn } from "../support/plain-scores.js";

const options = { topk: 10 };
const entriesOf = (detections: readonly Detection[]) => detections.map((detection) => ({ detection }));
const ones = (_: number, into: Float32Array) => {
  into.fill(1);
};
/** Mask i: brightness by columns, a little different for each. */
const stripes = (i: number, into: Float32Array) => {
  for (let p = 0; p < into.length; p++) into[p] = 0.4 + 0.6 * (((p + i) % 7) / 6);
};

describe.each([
  ["dynamic", tameModel, 4],
  ["of fixed batch", fixedModel, 1],
] as const)("masked inputs, %s", (_, make, batch) => {
  let pass: MiniPass;
  beforeAll(async () => {
    pass = await openPass({ gradients: false, activations: false, model: make(), confidence: 0.2 });
  });
  afterAll(() => pass.loaded.sessions.dispose());
  const open = () =>
    new MaskedRuns({ loaded: pass.loaded, options, signal: undefined }, pass.forward, pass.detections.slice(0, 3));

  it("a mask of ones gives the score, and each detection its likeness to itself", async () => {
    const mine = pass.detections.slice(0, 2);
    const score = resolveScore("class_confidence");
    const masked = await open().open(score, entriesOf(mine));
    expect([masked.size, masked.batch]).toEqual([[64, 96], batch]);
    const wanted = scoreOn(score, pass.forward.predictions, mine, options);
    for (const found of await masked.scores(5, ones)) expect(found).toBeCloseTo(wanted, 4);
    const own = mine.map((detection) => similarity(detection, pass.forward.predictions, pass.forward.predictions));
    const [found] = await masked.similarities(0, 1, ones);
    expect(found).toBeCloseTo(own[0]! + own[1]!, 4);
  });

  it("writes over what the mask before left, and multiplies all three planes", async () => {
    const score = resolveScore("class_sum");
    const masked = await open().open(score, entriesOf(pass.detections.slice(0, 1)));
    const found = await masked.scores(6, (i, into) => {
      if (i % 2 === 0) into.fill(0);
      else into.fill(1);
    });
    expect([found[2], found[4]]).toEqual([found[0], found[0]]);
    expect(found[3]).toBeCloseTo(scoreOn(score, pass.forward.predictions, pass.detections.slice(0, 1), options), 3);
    expect(found[0]).not.toBeCloseTo(found[1]!, 3);
  });

  it("runs each numbered mask once, whoever asks for it", async () => {
    const runs = open();
    const score = resolveScore("class");
    const [first, second, both] = [
      await runs.open(score, entriesOf(pass.detections.slice(0, 1))),
      await runs.open(score, entriesOf(pass.detections.slice(1, 2))),
      await runs.open(score, entriesOf(pass.detections.slice(0, 2))),
    ];
    const { counts } = pass.port;
    let before = counts.images;
    const a = await first.similarities(0, 10, stripes);
    expect(counts.images - before).toBe(10);
    before = counts.images;
    const b = await second.similarities(0, 10, stripes);
    const sum = await both.similarities(0, 10, stripes);
    expect(counts.images).toBe(before);
    sum.forEach((value, i) => {
      expect(value).toBe(a[i]! + b[i]!);
    });
    // Of numbers 5 to 12 only the three that are new are run, with their own masks.
    const more = await first.similarities(5, 8, (i, into) => stripes(5 + i, into));
    expect(counts.images - before).toBe(3);
    expect([...more.slice(0, 5)]).toEqual([...a.slice(5)]);
    const fresh = await open().open(score, entriesOf(pass.detections.slice(0, 1)));
    const again = await fresh.similarities(0, 13, stripes);
    for (let i = 0; i < 8; i++) expect(more[i]).toBeCloseTo(again[5 + i]!, 5);
    expect(new Set(again).size).toBe(7);
  });
});

it("stops between batches when aborted", async () => {
  const pass = await openPass({ gradients: false, activations: false });
  const controller = new AbortController();
  const runs = new MaskedRuns(
    { loaded: pass.loaded, options, signal: controller.signal },
    pass.forward,
    pass.detections.slice(0, 1),
  );
  const masked = await runs.open(resolveScore("class"), entriesOf(pass.detections.slice(0, 1)));
  let filled = 0;
  const run = masked.scores(100, (_, into) => {
    filled++;
    into.fill(1);
    if (filled === 6) controller.abort();
  });
  await expect(run).rejects.toMatchObject({ name: "WhyboxError", code: "aborted" });
  expect(filled).toBe(8);
  await pass.loaded.sessions.dispose();
});

describe("similarity, by hand", () => {
  const detection = { row: 0, boxInput: { frame: "input", x1: 0, y1: 0, x2: 4, y2: 4 } } as Detection;
  const predictions = (...rows: (readonly number[])[]): Predictions => ({
    ...{ rows: rows.length, columns: 7, data: Float32Array.from(rows.flat()) },
  });
  const base = predictions([2, 2, 4, 4, 1, 0.6, 0.8]);

  it("is IoU · objectness · cosine of the class probabilities", () => {
    expect(similarity(detection, base, base)).toBeCloseTo(1, 6);
    expect(similarity(detection, base, predictions([2, 2, 4, 4, 0.5, 0.6, 0.8]))).toBeCloseTo(0.5, 6);
    // Half the box; probabilities of length 1 along the other axis: cosine 0.6.
    expect(similarity(detection, base, predictions([1, 2, 2, 4, 0.5, 1, 0]))).toBeCloseTo(0.5 * 0.5 * 0.6, 6);
  });

  it("is the largest over all rows, wherever that is", () => {
    const rows = [
      [2, 2, 4, 4, 0.1, 0.6, 0.8],
      [1, 2, 2, 4, 0.9, 0.6, 0.8],
      [2, 2, 4, 4, 0.8, 0.8, -0.6],
      [90, 90, 4, 4, 1, 0.6, 0.8],
    ] as const;
    expect(similarity(detection, base, predictions(...rows))).toBeCloseTo(0.45, 6);
    expect(similarity(detection, base, predictions(...[...rows].reverse()))).toBeCloseTo(0.45, 6);
  });

  it("is 0 when nothing is left, and passes NaN over", () => {
    expect(similarity(detection, base, predictions([2, 2, 4, 4, 1, 0, 0]))).toBe(0);
    expect(similarity(detection, base, predictions([90, 90, 4, 4, 1, 0.6, 0.8]))).toBe(0);
    const spoiled = [Number.NaN, 2, 4, 4, 1, 0.6, 0.8];
    expect(similarity(detection, base, predictions(spoiled, [2, 2, 4, 4, 0.5, 0.6, 0.8]))).toBeCloseTo(0.5, 6);
    const nameless = [2, 2, 4, 4, 1, Number.NaN, 0.8];
    expect(similarity(detection, base, predictions(nameless, [2, 2, 4, 4, 0.5, 0.6, 0.8]))).toBeCloseTo(0.5, 6);
  });
});
