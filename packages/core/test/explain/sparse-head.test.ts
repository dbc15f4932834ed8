import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findSparseHead } from "../../src/detector/sparse/sparse-head.js";
import { SparsePredictions } from "../../src/detector/sparse/sparse-predictions.js";
import { readFloats, type Seed } from "../../src/explain/evidence.js";
import { explainsFewRows } from "../../src/explain/few-rows.js";
import { backwardRun, gradientsOf } from "../../src/explain/gradients.js";
import { predictionsFinite } from "../../src/explain/non-finite.js";
import { resolveExplainOptions } from "../../src/explain/resolve-options.js";
import { defaultMethods } from "../../src/methods/index.js";
import type { Model, Node } from "../../src/onnx/model.js";
import { openModel } from "../../src/readers/open-model.js";
import { readModel } from "../../src/readers/read-model.js";
import { defaultScores, resolveScore } from "../../src/scores/index.js";
import type { Score } from "../../src/scores/score.js";
import { rowOf } from "../../src/tensor/row-of.js";
import { exportBytes, exportNames } from "../support/exports.js";
import {
  fixedModel,
  MINI_SIZE,
  type MiniPass,
  miniDetector,
  openPass,
  picture,
  tameModel,
} from "../support/mini-detector.js";
import { randomSource } from "../support/random.js";

const checkpoint = async (name: string): Promise<Model> =>
  openModel(new Uint8Array(readFileSync(new URL(`../../../../fixtures/torch/${name}`, import.meta.url))));

const models: Readonly<Record<string, () => Model | Promise<Model>>> = {
  "a graph that takes any size": () => tameModel(),
  "a graph of a fixed size": () => fixedModel(),
  "YOLOv5's export": () => readModel(exportBytes("v5")),
  "a checkpoint of YOLOv5 7.0": () => checkpoint("yolov5-v7.pt"),
  "a checkpoint of YOLOv5 5.0": () => checkpoint("yolov5-v5.pt"),
};

/** The largest difference, over the largest magnitude. */
function distance(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length);
  let [worst, largest] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    worst = Math.max(worst, Math.abs(found[i]! - wanted[i]!));
    largest = Math.max(largest, Math.abs(wanted[i]!));
  }
  expect(largest).toBeGreaterThan(0);
  return worst / largest;
}

/** Random gradients on the first and last rows of every level, and one in the middle. */
function seedsOf({ loaded, forward }: MiniPass, count: number): Seed[] {
  const random = randomSource(count);
  const ends = loaded.head.levels.flatMap((_, level) => {
    const [start, end] = loaded.head.rowRange(level, forward.letterbox.inputSize);
    return [start, Math.floor((start + end) / 2), end - 1];
  });
  const row = () => Float64Array.from({ length: forward.predictions.columns }, () => 2 * random() - 1);
  return Array.from({ length: count }, () => ({ rows: new Map(ends.map((at) => [at, row()])), prototypes: [] }));
}

async function gradients(pass: MiniPass, seeds: readonly Seed[], levels: readonly number[]) {
  const { loaded, plan, layers, forward } = pass;
  const backward = plan.backward(layers, levels)!;
  const found = await backwardRun(loaded, forward, forward.tensors, backward, seeds, undefined);
  return Promise.all(
    layers.map(async ({ value }) => (found.has(value) ? (await readFloats(value, found.get(value)!)).data : undefined)),
  );
}

describe.each(Object.entries(models))("%s", (name, make) => {
  const open = async (sparse: boolean, manySeeds = false): Promise<MiniPass> => {
    const model = await make();
    return openPass({
      ...{ model, sparse, manySeeds, size: name === "a graph of a fixed size" ? MINI_SIZE : [64, 64] },
      layers: ["input", 1],
      more: ({ head }) => head.levels.map((level) => ({ index: undefined, name: level.name, value: level.inputs[0]! })),
    });
  };

  it("gives the boxes, rows and detections of the whole head, of a graph that computes five columns", async () => {
    const [whole, sparse] = [await open(false), await open(true)];
    const predictions = sparse.forward.predictions as SparsePredictions;
    expect(predictions).toBeInstanceOf(SparsePredictions);
    expect(whole.forward.predictions).not.toBeInstanceOf(SparsePredictions);
    expect(sparse.forward.tensors).not.toHaveProperty([whole.loaded.head.output]);
    const { rows, columns } = whole.forward.predictions;
    expect([predictions.rows, predictions.columns]).toEqual([rows, columns]);
    expect(distance(predictions.boxes, whole.forward.predictions.boxes!)).toBeLessThan(1e-5);
    for (const row of [0, 1, rows >> 1, rows - 1]) {
      expect(distance(rowOf(predictions, row), rowOf(whole.forward.predictions, row))).toBeLessThan(1e-5);
    }
    const told = ({ detections }: MiniPass) => detections.map(({ row, classIndex }) => [row, classIndex]);
    expect(told(sparse)).toEqual(told(whole));
    expect(distance(predictions.data, whole.forward.predictions.data)).toBeLessThan(1e-5);
    expect(rowOf(predictions, 1)).toEqual(predictions.data.subarray(columns, 2 * columns));
    expect(predictionsFinite(predictions)).toBe(true);
  });

  it("gives the gradients of the whole head, of one seed and of several, of all levels and of one", async () => {
    for (const [count, level] of [
      [1, undefined],
      [3, undefined],
      [1, 0],
    ] as const) {
      const [whole, sparse] = [await open(false, count > 1), await open(true, count > 1)];
      const seeds = seedsOf(whole, whole.plan.backward(whole.layers, [0])!.model.manySeeds ? count : 1);
      const levels = whole.loaded.head.levels.map((_, i) => i).filter((i) => level === undefined || i === level);
      const [wanted, found] = [await gradients(whole, seeds, levels), await gradients(sparse, seeds, levels)];
      for (const [i, own] of found.entries()) {
        if (wanted[i] === undefined) expect(own).toBeUndefined();
        else expect(distance(own!, wanted[i])).toBeLessThan(2e-5);
      }
    }
  });

  it.each([true, "means"] as const)(
    "gives them at a level's own map from its own weights, gradients %s",
    async (form) => {
      const level = 1;
      const openAt = async (sparse: boolean): Promise<MiniPass> =>
        openPass({
          ...{ model: await make(), sparse, size: name === "a graph of a fixed size" ? MINI_SIZE : [64, 64] },
          ...{ gradients: form, manySeeds: true },
          more: ({ head }) => [{ index: undefined, name: "own", value: head.levels[level]!.inputs[0]! }],
        });
      const [whole, sparse] = [await openAt(false), await openAt(true)];
      const { head } = sparse.plan.backward(sparse.layers, [level])!;
      expect(head).toEqual({ level, layer: sparse.layers[0]!.value, means: form === "means" });
      expect(whole.plan.backward(whole.layers, [level])!.head).toBeUndefined();
      expect(sparse.plan.outputs).not.toEqual(expect.arrayContaining([...whole.plan.outputs]));
      // The anchors of one cell, another cell, and a row of a level that the map does not reach.
      const { loaded, forward } = whole;
      const [start, end] = loaded.head.rowRange(level, forward.letterbox.inputSize);
      const cells = (end - start) / 3;
      const random = randomSource(5);
      const result = (rows: readonly number[]) => {
        const gradient = Float64Array.from(
          { length: rows.length * forward.predictions.columns },
          () => 2 * random() - 1,
        );
        return { value: 0, terms: [0], rows, gradient, prototypes: [] };
      };
      const requests = [[start, start + cells, start + 2 * cells, start + 1], [end - 1], [start, end - 1]].map(
        (rows) => ({
          results: [result(rows)],
          levels: [level],
        }),
      );
      const ask = ({ loaded, forward, plan, layers }: MiniPass) =>
        gradientsOf(
          loaded,
          forward,
          plan,
          requests.map((request) => ({ ...request, layers })),
        );
      const [wanted, found] = [await ask(whole), await ask(sparse)];
      const value = sparse.layers[0]!.value;
      for (const [i, own] of found.entries()) {
        expect([...own.keys()]).toEqual([value]);
        expect(own.get(value)!.dims).toEqual(wanted[i]!.get(value)!.dims);
        expect(distance(own.get(value)!.data, wanted[i]!.get(value)!.data)).toBeLessThan(2e-5);
      }
    },
  );
});

it("a map that is not finite makes rows that are not, and is told", async () => {
  const { forward, loaded } = await openPass({ sparse: true });
  const { boxes } = forward.predictions;
  const maps = await Promise.all(loaded.sparse!.levels.map(({ input }) => readFloats(input, forward.tensors[input]!)));
  const broken = maps.map(({ dims, data }) => ({ dims, data: data.slice() }));
  broken[0]!.data[0] = Number.NaN;
  const predictions = new SparsePredictions(loaded.sparse!, boxes!, broken, forward.letterbox.inputSize);
  expect(predictionsFinite(predictions)).toBe(false);
  const [start] = loaded.head.rowRange(0, forward.letterbox.inputSize);
  expect(predictions.row(start).subarray(5).every(Number.isNaN)).toBe(true);
  expect(predictions.row(start + 1).every(Number.isFinite)).toBe(true);
});

describe("a head is left whole", () => {
  const { graph, ...rest } = tameModel();
  const changed = (change: (node: Node) => readonly Node[]): Model => ({
    ...rest,
    graph: { ...graph, nodes: graph.nodes.flatMap(change) },
  });
  const sparseOf = async (model: Model) => {
    const { loaded } = await openPass({ model });
    return findSparseHead(loaded.model, loaded.head);
  };
  const after = (opType: string) => {
    const first = graph.nodes.find((node) => node.opType === "Sigmoid" && node.outputs[0]!.includes("model.24"))!;
    return changed((node) => {
      if (node !== first) return [node];
      const [own, out] = [`${node.outputs[0]}/own`, node.outputs[0]!];
      const more: Node = {
        opType,
        domain: "",
        name: "more",
        inputs: [own],
        outputs: [out],
        attributes: new Map(),
      };
      return [{ ...node, outputs: [own] }, more];
    });
  };

  it("not as it is", async () => {
    expect(await sparseOf(tameModel())).toBeDefined();
  });

  it.each(["Exp", "Neg", "Tanh", "Sigmoid"])("where %s follows the sigmoid", async (op) => {
    expect(await sparseOf(after(op))).toBeUndefined();
  });

  it("in half precision, in eight bits, with masks, and of every other kind", async () => {
    for (const name of exportNames.filter((one) => one !== "v5")) {
      const { loaded } = await openPass({ model: readModel(exportBytes(name)) }).catch(() => ({ loaded: undefined }));
      if (loaded !== undefined) expect([name, loaded.sparse]).toEqual([name, undefined]);
    }
  });
});

describe("an explanation", () => {
  const fewRows = (asked: object): boolean =>
    explainsFewRows(resolveExplainOptions({ method: "GradCAM", ...asked }, defaultMethods, defaultScores, ["a", "b"]));

  it("reads few rows, unless its score, its method or its threshold want more", () => {
    expect(fewRows({})).toBe(true);
    expect(fewRows({ method: "LayerCAM", backprop: ["row"], confidence: 0.05, per: "detection" })).toBe(true);
    for (const more of [
      { confidence: 0.049 },
      { backprop: ["class_sum"] },
      { method: "EigenCAM" },
      { method: "D-RISE", samples: 8 },
      { method: "AblationCAM" },
      { eigenSmooth: true },
    ]) {
      expect([more, fewRows(more)]).toEqual([more, false]);
    }
  });

  it("is the same from few rows as from all, whatever way a score reads them", async () => {
    const own = resolveScore("row");
    const whole: Score = { ...own, id: "whole", aliases: [], readsAllRows: true };
    const direct: Score = {
      ...own,
      id: "direct",
      aliases: [],
      of(view, target) {
        const { data, columns } = view.predictions;
        expect(data.length).toBe(view.predictions.rows * columns);
        const column = 5 + target.classIndex;
        expect(view.at(target.row, column).value).toBe(data[target.row * columns + column]);
        return view.tape.mul(view.at(target.row, 4), view.at(target.row, column));
      },
    };
    const detector = await miniDetector({ scores: [...defaultScores, whole, direct] });
    const explain = (backprop: string, method: string, per: "image" | "detection") =>
      detector.explain(picture(), { backprop: [backprop], method, per, layer: "auto", imageSize: [64, 96] });
    for (const [method, per] of [
      ["HiResCAM", "image"],
      ["GradCAM++", "detection"],
      ["LayerCAM", "detection"],
    ] as const) {
      const wanted = await explain("whole", method, per);
      expect(wanted.detections.length).toBeGreaterThan(1);
      for (const score of ["row", "direct"]) {
        const found = await explain(score, method, per);
        expect(distance(found.heatmapInput.data, wanted.heatmapInput.data)).toBeLessThan(1e-4);
        expect(found.scores[0]!.value).toBeCloseTo(wanted.scores[0]!.value, 4);
        expect(found.detections.map(({ row }) => row)).toEqual(wanted.detections.map(({ row }) => row));
      }
    }
    await detector.dispose();
  });
});
