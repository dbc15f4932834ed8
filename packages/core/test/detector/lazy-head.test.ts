import { describe, expect, it } from "vitest";
import { rowOf } from "../../src/boxes/row-of.js";
import { findLazyHead, type LazyHead } from "../../src/detector/heads/lazy-head.js";
import { LazyPredictions } from "../../src/detector/lazy-predictions.js";
import { fixedInputSize } from "../../src/explain/model/loaded-model.js";
import { resolveExplainOptions } from "../../src/explain/options/resolve-options.js";
import { runBackward } from "../../src/explain/passes/backward-run.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import type { Seed } from "../../src/explain/passes/seeds.js";
import { runWindows, windowSeed } from "../../src/explain/passes/window-run.js";
import { DetectorPlans } from "../../src/explain/plan/detector-plans.js";
import { defaultMethods } from "../../src/methods/index.js";
import type { Model } from "../../src/onnx/model.js";
import { floatsOf, floatTensor } from "../../src/onnx/tensors.js";
import { defaultScores } from "../../src/scores/index.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { fixedModel, type MiniPass, openPass, type PassRequest } from "../support/mini-detector.js";
import { openExport } from "../support/open-export.js";
import { randomSource } from "../support/random.js";

const every: PassRequest = { layers: [4, 9, 17, 20, 23], manySeeds: true };
const opened: Record<string, (request: PassRequest) => Promise<MiniPass>> = {
  "a dynamic input": (request) => openPass({ ...request, size: [96, 160] }),
  "a fixed input": (request) => openPass({ ...request, model: fixedModel() }),
  "the export of YOLOv5": ({ layers: _, ...request }) => {
    return openExport("v5", { ...request, more: ({ layers }) => layers.filter((__, i) => i % 5 === 2) });
  },
};

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    worst = Math.max(worst, Math.abs(expected[i]! - found[i]!));
  }
  expect(worst).toBeLessThanOrEqual(1e-5 * largest);
}

/** Random gradients on two rows of each level. They are a row of cells apart. */
function seedOf({ loaded, forward }: MiniPass, levels: readonly number[]): Seed {
  const random = randomSource(levels[0]! + 1);
  const { inputSize } = forward.letterbox;
  const rows = levels.flatMap((level) => {
    const [start, end] = loaded.head.rowRange(level, inputSize);
    const first = start + Math.floor(random() * (end - start));
    return [first, Math.min(end - 1, first + loaded.head.cells(level, inputSize)[1])];
  });
  const gradient = () => Float64Array.from({ length: forward.predictions.columns }, () => random() - 0.5);
  return { rows: new Map(rows.map((row) => [row, gradient()])), prototypes: [] };
}

/** The gradients at all layers, by a run on whole maps, and by one on windows if there are any. */
async function gradients(pass: MiniPass, levels: readonly number[]): Promise<ReadonlyMap<string, Tensor>[]> {
  const { loaded, plan, layers, forward } = pass;
  const seed = seedOf(pass, levels);
  const backward = plan.backward({ layers, levels });
  const windowed = plan.windowed({ layers, levels });
  const window = windowed && windowSeed(loaded, windowed, seed, forward.letterbox.inputSize);
  const runs = [
    ...(backward ? [await runBackward(loaded, { forward, backward, seeds: [seed], signal: undefined })] : []),
    ...(windowed && window
      ? [await runWindows(loaded, { forward, windowed, seeds: [window], signal: undefined })]
      : []),
  ];
  return Promise.all(
    runs.map(async (run) => {
      const read = [...run].map(async ([value, tensor]) => [value, await readFloats(value, tensor)] as const);
      return new Map(await Promise.all(read));
    }),
  );
}

describe.each(Object.keys(opened))("a lazy head, %s", (name) => {
  const open = opened[name]!;

  it("has the rows of the whole predictions", async () => {
    const [lazy, whole] = [await open({ ...every, lazy: true }), await open(every)];
    const { predictions } = lazy.forward;
    expect(predictions).toBeInstanceOf(LazyPredictions);
    expect(lazy.session.outputs).not.toContain(lazy.loaded.head.output);
    const expected = whole.forward.predictions;
    expect(predictions.rows).toBe(expected.rows);
    for (let column = 0; column < expected.columns; column++) {
      const columnOf = (one: typeof expected) =>
        Float64Array.from({ length: one.rows }, (_, row) => rowOf(one, row)[column]!);
      expectClose(columnOf(predictions), columnOf(expected));
    }
    expectClose(predictions.boxes!, expected.boxes!);
    expectClose(predictions.data, expected.data);
    expect(lazy.detections.length).toBe(whole.detections.length);
  });

  it("has the gradients of the whole predictions", async () => {
    const [lazy, whole] = [await open({ ...every, lazy: true }), await open(every)];
    const all = [...whole.loaded.head.levels.keys()];
    for (const levels of [...all.map((level) => [level]), all]) {
      const [found, expected] = [await gradients(lazy, levels), await gradients(whole, levels)];
      expect(expected.length).toBeGreaterThan(0);
      expect(found.length).toBe(expected.length);
      expected.forEach((run, i) => {
        expect([...found[i]!.keys()]).toEqual([...run.keys()]);
        for (const [value, { data }] of run) expectClose(found[i]!.get(value)!.data, data);
      });
    }
  });
});

/** A mini YOLOv5 with another factor than 2 in its decoding. */
function withFactor(to: number): Model {
  const model = fixedModel();
  const initializers = new Map(model.graph.initializers);
  for (const [name, tensor] of initializers) {
    const isFactor = tensor.dims.length === 0 && tensor.dataType === 1 && floatsOf(tensor)[0] === 2;
    if (isFactor) initializers.set(name, floatTensor(name, [], [to]));
  }
  return { ...model, graph: { ...model.graph, initializers } };
}

function lazyOf({ loaded }: MiniPass): Promise<LazyHead | undefined> {
  return findLazyHead(loaded, fixedInputSize(loaded.input.sides));
}

describe("findLazyHead", () => {
  it("refuses a decoding that differs from YOLOv5's in one constant", async () => {
    expect(await lazyOf(await openPass({ model: withFactor(2) }))).toBeDefined();
    expect(await lazyOf(await openPass({ model: withFactor(1.99) }))).toBeUndefined();
  });

  it.each(["v5-seg", "v5-int8", "v8-dynamic", "11-fp16"])("refuses %s", async (name) => {
    expect(await lazyOf(await openExport(name, {}))).toBeUndefined();
  });
});

describe("the plan of an explanation", () => {
  it.each([
    ["GradCAM", {}, true],
    ["a low minimum confidence", { confidence: 0.05 }, false],
    ["a score of all rows", { backprop: ["class_sum"] }, false],
    ["a method that runs the tail", { method: "AblationCAM" }, false],
    ["a method that reads class maps", { method: "DetClassProbabilityMap" }, false],
  ] as const)("reads classes lazily or not: %s", async (_, options, isLazy) => {
    const pass = await openPass({ gradients: false });
    const { loaded } = pass;
    const given = { ...options } as Parameters<typeof resolveExplainOptions>[0];
    const resolved = resolveExplainOptions(
      given,
      { methods: defaultMethods, scores: defaultScores },
      { task: loaded.head.task, classNames: loaded.classNames },
    );
    const plan = new DetectorPlans({ ...loaded, lazy: await lazyOf(pass) }).explanation(resolved);
    expect(plan.forward.lazy !== undefined).toBe(isLazy);
  });

  it("is not lazy for a layer of the decoding", async () => {
    const inDecoding: PassRequest["more"] = ({ head }) => {
      const value = head.levels[0]!.convOutputs[0]!;
      return [{ index: undefined, name: value, value }];
    };
    const { plan } = await openPass({ more: inDecoding, lazy: true });
    expect(plan.lazy).toBeUndefined();
  });
});
