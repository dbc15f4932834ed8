import { expect, it } from "vitest";
import { runBackward } from "../../src/explain/passes/backward-run.js";
import { readModel } from "../../src/readers/read-model.js";
import { exportBytes } from "../support/exports.js";
import { openPass } from "../support/mini-detector.js";

it("a backward pass that stops at the levels without a seed gives the gradients of the whole one, and reads less", async () => {
  const pass = await openPass({ model: readModel(exportBytes("v8-dynamic")), layers: [9, 12], manySeeds: true });
  const { loaded, plan, layers, forward } = pass;
  const [start, end] = loaded.head.rowRange(1, forward.letterbox.inputSize);
  const { columns } = forward.predictions;
  const row = (at: number) => Float64Array.from({ length: columns }, (_, c) => ((at * columns + c) * 0.7548776662) % 1);
  const seed = { rows: new Map([start, end - 1].map((at) => [at, row(at)])), prototypes: [] };
  const run = async (levels: readonly number[]) => {
    const backward = plan.backward({ layers, levels })!;
    const found = await runBackward(loaded, { forward, backward, seeds: [seed], signal: undefined });
    const data = await Promise.all(layers.map(async ({ value }) => (await found.get(value)!.read()) as Float32Array));
    return { data, nodes: backward.model.model.graph.nodes.length, saved: backward.model.saved };
  };
  const [whole, own] = [await run([0, 1, 2]), await run([1])];
  for (const [i, data] of own.data.entries()) {
    const largest = whole.data[i]!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(1e-3);
    const worst = data.reduce((most, value, j) => Math.max(most, Math.abs(value - whole.data[i]![j]!)), 0);
    expect(worst).toBeLessThan(1e-5 * largest);
  }
  expect(own.nodes).toBeLessThan(whole.nodes);
  expect(whole.saved).toEqual(expect.arrayContaining([...own.saved]));
});
