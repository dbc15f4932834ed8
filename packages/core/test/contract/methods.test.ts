import { afterAll, describe, expect, it } from "vitest";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import type { ExplainResult } from "../../src/explain/result/result.js";
import { type AnyCamMethod, defaultMethods } from "../../src/methods/index.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { defaultScores } from "../../src/scores/index.js";
import type { Score } from "../../src/scores/score.js";
import type { ScoreId } from "../../src/scores/score-id.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { yoloGraph } from "../detector/yolo-graph.js";
import { modelOf } from "../onnx/support.js";
import { longUnless } from "../support/long.js";
import { MINI_SIZE, makeImage, miniDetector, tameModel } from "../support/mini-detector.js";
import { plainScores } from "../support/plain-scores.js";

/** Settings that a method may read only when it declares them, and those that were read. */
const optional = new Set<PropertyKey>(["samples", "seed", "budget", "compat", "ablateTo"]);
const readSettings = new Set<PropertyKey>();
const watchSettings = <T extends object>(evidence: T): T =>
  new Proxy(evidence, {
    get: (target, key, self) => {
      if (optional.has(key)) readSettings.add(key);
      return Reflect.get(target, key, self);
    },
  });

/** Raw maps are looked at too: later steps turn NaN into zeros, and would hide them. */
const raw: { id: string; map: Map2D }[] = [];
const watched = defaultMethods.map((method): AnyCamMethod => {
  const look = (map: Map2D): Map2D => {
    raw.push({ id: method.id, map });
    return map;
  };
  return {
    ...method,
    map: async (evidence) => look(await method.map(watchSettings(evidence))),
    ...(method.fuse === undefined ? {} : { fuse: (maps: readonly Map2D[]) => look(method.fuse!(maps)) }),
  };
});

/** A score without any gradient, and one that is missing. */
const constant: Score = { id: "constant", title: "", of: (view) => view.tape.constant(0.5) };
const missing: Score = { id: "missing", title: "", of: () => null };
const scores = [...defaultScores, constant, missing];
const detector = await miniDetector({ methods: watched, scores });
const lifted = await miniDetector({ methods: watched, scores }, tameModel(0.5));
/** Every box sits at its cell's centre, every probability is one half. */
const dead = await miniDetector({ methods: watched, scores }, modelOf(yoloGraph()));
afterAll(() => Promise.all([detector.dispose(), lifted.dispose(), dead.dispose()]));

const ids = defaultMethods.map(({ id }) => id);
/** Each kind of method: these have all tests in `npm test`, the others some. */
const typical = ["GradCAM", "EigenCAM", "AblationCAM", "tap-fusion", "gradient", "D-RISE"];
const restOf = (id: string) => longUnless(typical.includes(id));
const methodOf = (id: string) => defaultMethods.find((method) => method.id === id)!;
const takesSamples = (id: string) => methodOf(id).samples !== undefined;
const searching = (id: string) => (methodOf(id).searches ? { budget: 0.2 } : {});
const everyScore = { backprop: plainScores.map(({ id }) => id as ScoreId), versus: "class1" };
const readsLayers = (id: string) => (methodOf(id).reads ?? "layers") === "layers";

function expectSound(id: string, found: ExplainResult): void {
  for (const { id: of, map } of raw.splice(0)) {
    expect(of).toBe(id);
    expect(map.data.length, `${id}: values of its map`).toBe(map.height * map.width);
    const bad = map.data.findIndex((value) => !Number.isFinite(value));
    expect(bad, `${id}: place of a value that is not finite`).toBe(-1);
  }
  for (const { heatmap } of [...found.maps, { heatmap: found.heatmapInput }, found]) {
    expect(heatmap.data.length).toBe(heatmap.height * heatmap.width);
    expect(heatmap.data.every((value) => value >= 0 && value <= 1)).toBe(true);
  }
  for (const { value, name } of found.notes) expect(Number.isFinite(value), `${id}: note ${name}`).toBe(true);
  const lit = found.heatmapInput.data.some((value) => value > 0);
  expect(lit, `${id}: ${found.empty?.message ?? "no word on why it is empty"}`).toBe(found.empty === undefined);
}

async function explain(id: string, options: ExplainOptions, by = detector): Promise<ExplainResult> {
  raw.length = 0;
  const base = {
    imageSize: MINI_SIZE,
    maxDetections: 2,
    ...(takesSamples(id) ? { samples: 4 } : {}),
    ...searching(id),
  };
  const found = await by.explain(makeImage(), { ...base, ...options, method: id as MethodId });
  expect(found.method).toBe(id);
  const made = raw.length;
  expectSound(id, found);
  return Object.assign(found, { made });
}

describe.each(ids)("%s", (id) => {
  it.each(["image", "class", "detection"] as const)(
    "every score, per %s: finite maps in 0..1",
    restOf(id),
    async (per) => {
      const found = await explain(id, { ...everyScore, per, maxDetections: per === "class" ? 4 : 2 });
      expect(found.backprop).toEqual(everyScore.backprop);
      expect(found.maps).toHaveLength({ image: 0, class: 2, detection: 2 }[per]);
      expect((found as ExplainResult & { made: number }).made).toBeGreaterThan(0);
    },
  );

  it("its own score lights a map", async () => {
    // With enough cells for one to be rare (FEM).
    const options = {
      imageSize: [128, 192] as const,
      maxDetections: 5,
      per: "detection",
      ...(takesSamples(id) ? { samples: 20 } : {}),
      ...(methodOf(id).usesSeed ? { seed: 1 } : {}),
    } as const;
    // Layers that are negative throughout are shut for guided gradients.
    const found = await explain(id, options, id.startsWith("Guided") ? lifted : detector);
    expect(found.empty).toBeUndefined();
    expect(Math.max(...found.heatmapInput.data)).toBeCloseTo(1, 5);
  });

  it("a score without a gradient, and one that is missing", restOf(id), async () => {
    for (const item of ["constant", "missing"]) {
      for (const per of ["image", "detection"] as const) {
        const found = await explain(id, { backprop: [item as ScoreId], per });
        if (item === "missing" && found.empty !== undefined) expect(found.empty.reason).toBe("no-score");
        else if (found.empty !== undefined) expect(found.empty.reason).toBe("zero-gradient");
      }
    }
  });

  it("one cell", restOf(id), async () => {
    // 32 × 32: a single cell at the coarsest level, at 9 and at 23.
    const layers = readsLayers(id) ? [[9], [23], [9, 23]] : ["auto" as const];
    for (const layer of layers) {
      for (const per of ["image", "detection"] as const) {
        await explain(id, { imageSize: 32, layer, per, confidence: 0.05, backprop: ["class", "row_logit", "w"] });
      }
    }
  });

  it("no detection, and a class that was not detected", restOf(id), async () => {
    for (const per of ["image", "class", "detection"] as const) {
      const none = await explain(id, { confidence: 1, per });
      expect([none.empty?.reason, none.maps, none.explained]).toEqual(["no-detection", [], []]);
      const other = await explain(id, { classNames: ["class1"], per });
      expect([other.empty?.reason, other.maps, other.explained]).toEqual(["class-not-detected", [], []]);
    }
  });

  it("a box that was not detected, compat, other seeds, a class against another", restOf(id), async () => {
    const box = { x1: 5, y1: 5, x2: 40, y2: 30, className: "class2" };
    await explain(id, { box, confidence: 0.9 });
    if (methodOf(id).hasCompat) await explain(id, { compat: true });
    if (methodOf(id).ablates) await explain(id, { ablateTo: "mean" });
    await explain(id, { ...(methodOf(id).usesSeed ? { seed: 123 } : {}), versus: "class1" });
    await explain(id, { augSmooth: !methodOf(id).searches, keepTopPercent: 20, backwardPerClass: true });
  });

  it("reads the settings that it declares, and no other", async () => {
    readSettings.clear();
    await explain(id, {});
    const { samples, usesSeed, hasCompat, ablates, searches } = methodOf(id);
    expect([...readSettings].sort()).toEqual([
      ...(ablates ? ["ablateTo"] : []),
      ...(searches ? ["budget"] : []),
      ...(hasCompat ? ["compat"] : []),
      ...(samples ? ["samples"] : []),
      ...(usesSeed ? ["seed"] : []),
    ]);
  });
});

describe.each(ids)("%s", (id) => {
  it.runIf(methodOf(id).channels)("with eigenSmooth", restOf(id), async () => {
    for (const per of ["image", "detection"] as const) {
      await explain(id, { eigenSmooth: true, per });
      await explain(id, { eigenSmooth: true, per, backprop: [constant] });
      await explain(id, { eigenSmooth: true, per, imageSize: 32, layer: 9, confidence: 0.05 });
    }
  });

  it("of a network whose activations are all zero", restOf(id), async () => {
    for (const per of ["image", "detection"] as const) {
      for (const compat of methodOf(id).hasCompat ? [false, true] : [false]) {
        const found = await explain(id, { per, compat, confidence: 0.2, imageSize: 64 }, dead);
        expect(found.detections).toHaveLength(2);
      }
    }
  });
});

it("an image of one colour", { tags: ["long"] }, async () => {
  const grey = { height: 64, width: 96, data: new Uint8Array(3 * 64 * 96).fill(114) };
  for (const id of ids) {
    raw.length = 0;
    const samples = takesSamples(id) ? { samples: 6 } : {};
    const options = { imageSize: MINI_SIZE, maxDetections: 2, ...samples, per: "detection" } as const;
    expectSound(id, await detector.explain(grey, { ...options, method: id as MethodId }));
  }
});
