import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CoreDetector } from "../../src/explain/create-detector.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import { runBackward } from "../../src/explain/passes/backward-run.js";
import type { Seed } from "../../src/explain/passes/seeds.js";
import { planTaps, type TapPlan } from "../../src/explain/plan/tap-plan.js";
import { readModel } from "../../src/readers/read-model.js";
import { exportBytes } from "../support/exports.js";
import { makeImage, miniDetector } from "../support/mini-detector.js";
import { openExport } from "../support/open-export.js";

// Axis 0 of some values is the batch times the heads or the queries, by shapes that the graph computes.
describe.each(["dfine", "dfine-sizes", "rtdetr2-sizes", "rtdetr3"])("each detection on its own in %s", (name) => {
  let detector: CoreDetector;
  beforeAll(async () => {
    detector = await miniDetector({}, readModel(exportBytes(name)));
  });
  afterAll(() => detector.dispose());

  it.each(["GradCAM", "LayerCAM", "ODAM", "tap-fusion"] as const)(
    "%s gives the map of a run with that detection only",
    async (method) => {
      const options: ExplainOptions = { method, per: "detection", confidence: 0.001, maxDetections: 2 };
      const image = makeImage(3, [160, 200]);
      const { maps } = await detector.explain(image, options);
      expect(maps.length).toBe(2);
      for (const [i, { heatmap }] of maps.entries()) {
        const alone = await detector.explain(image, { ...options, detections: [i] });
        expect(Math.max(...heatmap.data)).toBeGreaterThan(0.1);
        expect(alone.maps[0]!.heatmap).toEqual(heatmap);
      }
    },
  );

  it("the gradients add up to that of the sum of all detections", async () => {
    const { loaded, plan, layers, forward } = await openExport(name, {
      more: ({ layers }) => [layers.at(-2)!],
      manySeeds: true,
    });
    const { columns, rows } = forward.predictions;
    const seeds = [0, 5, rows - 1].map((at) => ({
      rows: new Map([[at, Float64Array.from({ length: columns }, (_, c) => ((at * columns + c) * 0.7548776662) % 1)]]),
      prototypes: [],
    }));
    const sum = { rows: new Map(seeds.flatMap((seed) => [...seed.rows])), prototypes: [] };
    const whole = planTaps(loaded, { layers, activations: true, gradients: true, manySeeds: false, tails: false });
    const gradientOf = async (from: TapPlan, seed: Seed) => {
      const backward = from.backward({ layers, levels: loaded.head.levels.map((_, level) => level) })!;
      expect(backward.model.manySeeds).toBe(false);
      const found = await runBackward(loaded, { forward, backward, seeds: [seed], signal: undefined });
      return (await found.get(layers[0]!.value)!.read()) as Float32Array;
    };
    const parts = await Promise.all(seeds.map((seed) => gradientOf(plan, seed)));
    const together = await gradientOf(whole, sum);
    const largest = Math.max(...together.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-3);
    const distance = together.map((value, i) => Math.abs(value - parts.reduce((all, part) => all + part[i]!, 0)));
    expect(Math.max(...distance)).toBeLessThan(1e-5 * largest);
    await loaded.sessions.dispose();
  });
});
