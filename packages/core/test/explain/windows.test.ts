import { describe, expect, it } from "vitest";
import { runBackward } from "../../src/explain/passes/backward-run.js";
import { gradientsOf } from "../../src/explain/passes/gradients.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import type { Seed } from "../../src/explain/passes/seeds.js";
import { runWindows, savesWork, windowSeed } from "../../src/explain/passes/window-run.js";
import type { Windowed } from "../../src/explain/plan/window-plan.js";
import type { RuntimeTensor } from "../../src/runtime/port.js";
import type { ScoreResult } from "../../src/scores/score.js";
import { exportNames, typicalExports } from "../support/exports.js";
import { longUnless } from "../support/long.js";
import type { MiniPass } from "../support/mini-detector.js";
import { openExport } from "../support/open-export.js";
import { randomSource } from "../support/random.js";

/** A neck of attention. */
const ATTENTION = ["12"];

async function open(name: string): Promise<MiniPass> {
  const more = ({ layers }: MiniPass["loaded"]) => layers.filter((_, i) => i % 5 === 2);
  return openExport(name, { more, manySeeds: true });
}

/** The first and the last row of each level, one in between, and two rows together. */
function seedsOf({ loaded, forward }: MiniPass, levels: readonly number[]): Seed[] {
  const random = randomSource(5);
  const row = () => Float64Array.from({ length: forward.predictions.columns }, () => random() - 0.5);
  return levels.flatMap((level) => {
    const [start, end] = loaded.head.rowRange(level, forward.letterbox.inputSize);
    const middle = start + Math.floor(random() * (end - start));
    return [[start], [end - 1], [middle], [middle, Math.min(middle + 1, end - 1)]].map((rows) => ({
      ...{ rows: new Map(rows.map((one) => [one, row()])), prototypes: [] },
    }));
  });
}

async function compare(pass: MiniPass, windowed: Windowed): Promise<void> {
  const { loaded, plan, layers, forward } = pass;
  const { levels } = windowed;
  const seeds = seedsOf(pass, levels);
  const windows = seeds.map((seed) => windowSeed(loaded, windowed, seed, forward.letterbox.inputSize)!);
  const found = await runWindows(loaded, { forward, windowed, seeds: windows, signal: undefined });
  const backward = plan.backward({ layers, levels })!;
  const whole = await runBackward(loaded, { forward, backward, seeds, signal: undefined });
  expect(new Set(found.keys())).toEqual(new Set(whole.keys()));
  for (const [value, tensor] of whole) await expectClose(value, found.get(value)!, tensor);
}

async function expectClose(value: string, a: RuntimeTensor, b: RuntimeTensor): Promise<void> {
  const [found, expected] = [await readFloats(value, a), await readFloats(value, b)];
  expect(found.dims).toEqual(expected.dims);
  const largest = expected.data.reduce((high, one) => Math.max(high, Math.abs(one)), 0);
  const worst = expected.data.reduce((high, one, i) => Math.max(high, Math.abs(one - found.data[i]!)), 0);
  expect(worst, value).toBeLessThanOrEqual(1e-5 * largest);
}

describe("a backward pass on windows", () => {
  for (const name of exportNames) {
    it(`has the gradients of the whole maps: ${name}`, longUnless(typicalExports.includes(name)), async () => {
      const pass = await open(name);
      const { loaded, plan, layers } = pass;
      const sets = [...loaded.head.levels.map((_, level) => [level]), [...loaded.head.levels.keys()]];
      for (const levels of sets) {
        const windowed = plan.windowed({ layers, levels });
        // Rows of a transformer depend on several cells.
        expect(windowed === null).toBe(loaded.head.kind === "query" || ATTENTION.includes(name));
        if (windowed !== null) await compare(pass, windowed);
      }
      await loaded.sessions.dispose();
    });
  }

  it("runs for small windows only, in runs of at most eight", async () => {
    const pass = await open("v8-dynamic");
    const { loaded, plan, layers, forward, port } = pass;
    const { inputSize } = forward.letterbox;
    const seed = (row: number): Seed => ({ rows: new Map([[row, new Float64Array(12).fill(1)]]), prototypes: [] });
    const resultOf = ({ rows }: Seed): ScoreResult => ({
      ...{ value: 0, terms: [0], rows: [...rows.keys()], prototypes: [] },
      gradient: Float64Array.from([...rows.values()].flatMap((values) => [...values])),
    });
    const isSmall = (row: number, level: number) => {
      const windowed = plan.windowed({ layers, levels: [level] })!;
      return savesWork(windowSeed(loaded, windowed, seed(row), inputSize)!, windowed, inputSize);
    };
    const starts = [0, 1, 2].map((level) => loaded.head.rowRange(level, inputSize)[0]);
    expect(starts.map(isSmall)).toEqual([true, true, true]);
    const requests = Array.from({ length: 9 }, (_, i) => ({
      layers,
      results: [resultOf(seed(starts[0]! + i))],
      levels: [0],
    }));
    const before = port.counts.runs;
    const found = await gradientsOf(loaded, { forward, plan, requests, signal: undefined });
    expect(port.counts.runs - before).toBe(2);
    expect(found.every((gradients) => gradients.size > 0)).toBe(true);
    await loaded.sessions.dispose();
  });

  it("needs an input of whole blocks, separate seeds, and no mask score", async () => {
    const pass = await open("v8-dynamic");
    const { loaded, plan, layers } = pass;
    const { windows } = plan.windowed({ layers, levels: [0] })!;
    expect([windows.fits([64, 96]), windows.fits([64, 80]), windows.fits([80, 64])]).toEqual([true, false, false]);
    expect(plan.windowed({ layers, levels: [0], masks: true })).toBeNull();
    await loaded.sessions.dispose();
    const single = await openExport("v8-dynamic", { layers: [9] });
    expect(single.plan.windowed({ layers: single.layers, levels: [0] })).toBeNull();
    await single.loaded.sessions.dispose();
  });
});
