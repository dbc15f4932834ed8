import { expect, it } from "vitest";
import { runBackward } from "../../src/explain/passes/backward-run.js";
import { readModel } from "../../src/readers/read-model.js";
import { exportBytes } from "../support/exports.js";
import { openPass } from "../support/mini-detector.js";

// Opset 12: Softmax at the last axis by its number, in attention (the rank is not in the file) and in the decoding of boxes.
it.each(["v10-one2many", "v5u"])("several seeds go through %s of opset 12 at once, as one by one", async (name) => {
  const pass = await openPass({ model: readModel(exportBytes(name)), layers: [4, 9, 12], manySeeds: true });
  const { loaded, plan, layers, forward } = pass;
  const backward = plan.backward({ layers, levels: [0, 1, 2] })!;
  expect(backward.model.manySeeds).toBe(true);
  const { columns, rows } = forward.predictions;
  const seeds = [0, 40, rows - 1].map((at) => ({
    rows: new Map([[at, Float64Array.from({ length: columns }, (_, c) => ((at * columns + c) * 0.7548776662) % 1)]]),
    prototypes: [],
  }));
  const run = async (some: typeof seeds) => {
    const found = await runBackward(loaded, { forward, backward, seeds: some, signal: undefined });
    return Promise.all(layers.map(async ({ value }) => (await found.get(value)!.read()) as Float32Array));
  };
  const together = await run(seeds);
  for (const [i, seed] of seeds.entries()) {
    for (const [at, alone] of (await run([seed])).entries()) {
      const own = together[at]!.subarray(i * alone.length, (i + 1) * alone.length);
      const largest = alone.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeGreaterThan(1e-3);
      expect(own.reduce((most, value, j) => Math.max(most, Math.abs(value - alone[j]!)), 0)).toBeLessThan(
        1e-5 * largest,
      );
    }
  }
  await loaded.sessions.dispose();
});
