import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { headChannelScores } from "../../src/explain/evidence/head-channels.js";
import { openTail } from "../../src/explain/evidence/tail.js";
import type { TailRequest } from "../../src/explain/evidence/tail-request.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import { inputLayer } from "../../src/explain/plan/network-layers.js";
import type { Model } from "../../src/onnx/model.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { resolveScore } from "../../src/scores/index.js";
import { nearestRows } from "../../src/scores/iou.js";
import type { Score } from "../../src/scores/score.js";
import { H, restoredNanodet, W } from "../readers/make-nanodet.js";
import { exportBytes, exportRecord } from "../support/exports.js";
import { fixedModel, type MiniPass, makeImage, openPass, tameModel } from "../support/mini-detector.js";

const options = { topk: 10, versus: 1 };
/** A score that reads whole rows of the predictions, as a score of a caller may. */
const ofWholeRows: Score = {
  id: "whole rows",
  title: "Whole rows",
  of({ tape, predictions, at }, { boxInput }) {
    const { data, columns } = predictions;
    const near = nearestRows(predictions, boxInput, 3);
    const sums = near.map((row) => data.subarray(row * columns, (row + 1) * columns).reduce((sum, one) => sum + one));
    return tape.add(tape.constant(sums.reduce((sum, one) => sum + one) / 100), at(near[0]!, 6));
  },
};

const headInputs = (loaded: LoadedModel) =>
  loaded.head.levels.map(({ inputs: [value] }) => ({ index: undefined, name: value!, value: value! }));

async function open(model: Model, size: readonly [number, number]): Promise<MiniPass> {
  const request = { more: headInputs, tails: true, gradients: false, confidence: 0.02, image: makeImage(5, size) };
  return openPass({ ...request, model, size });
}

async function requestOf(pass: MiniPass, at: number, id: string | Score, count = 3): Promise<TailRequest> {
  const { loaded, forward, plan, layers, detections } = pass;
  const name = plan.activations.get(layers[at]!.value)!;
  const { dims, data } = await readFloats(name, forward.tensors[name]!);
  const activations = { dims: dims.slice(1), data };
  const mine = detections.filter((detection) => detection.level === at);
  return {
    ...{ loaded, forward, plan, tail: plan.tail(layers[at]!), activations, options, signal: undefined },
    ...{ score: resolveScore(id), detections: [...mine, ...detections].slice(0, count) },
  };
}

/** The scores by runs of the tail. */
async function byTail(request: TailRequest, replacements: ArrayLike<number>): Promise<Float64Array> {
  const { dims, data } = request.activations;
  const [C, H, W] = dims as [number, number, number];
  return (await openTail(request)).scores(C, (c, into) => {
    into.set(data);
    into.fill(replacements[c]!, c * H * W, (c + 1) * H * W);
  });
}

async function expectSame(request: TailRequest, replacements: ArrayLike<number>): Promise<number> {
  const { score } = await openTail(request);
  const found = await headChannelScores(request, replacements, score);
  if (found === undefined) return 0;
  const wanted = await byTail(request, replacements);
  wanted.forEach((value, c) => {
    expect(Math.abs(found[c]! - value)).toBeLessThan(1e-5 * (1 + Math.abs(value)));
  });
  return 1;
}

describe.each([
  ["dynamic", tameModel(), [256, 320]],
  ["of fixed size", fixedModel(), [64, 96]],
] as const)("replaced channels at the head inputs of a YOLOv5, %s", (name, model, size) => {
  let pass: MiniPass;
  beforeAll(async () => {
    pass = await open(model, size);
  });
  afterAll(() => pass.loaded.sessions.dispose());

  it.each([
    ...["class", "row", "confidence", "x2", "class_sum"].map((id) => ({ id, score: id })),
    { id: "a caller's", score: ofWholeRows },
  ])("$id: give what runs of the tail give", async ({ id, score }) => {
    let direct = 0;
    for (const at of pass.layers.keys()) {
      const request = await requestOf(pass, at, score);
      const [C] = request.activations.dims as [number];
      for (const value of [0, 0.2, -0.1]) direct += await expectSame(request, new Float64Array(C).fill(value));
    }
    if (id === "class_sum") expect(direct).toBe(0);
    else if (name === "dynamic") expect(direct).toBeGreaterThan(2);
  });

  it("run the tail if the predictions are decoded in another way, or a score could read most rows", async () => {
    const [first] = pass.loaded.head.rowRange(2, size);
    const row = first + 1;
    const own = async (id: string): Promise<TailRequest> => {
      const found = await requestOf(pass, 2, id);
      return { ...found, detections: found.detections.map((detection) => ({ ...detection, row })) };
    };
    const request = await own("row");
    const { predictions } = request.forward;
    const zeros = new Float64Array(request.activations.dims[0]!);
    const { score } = await openTail(request);
    expect(await expectSame(request, zeros)).toBe(1);
    const boxes = [0, 3].map((column) => (first + 4) * predictions.columns + column);
    for (const at of [...boxes, ...[0, 3, 4, 5].map((column) => row * predictions.columns + column)]) {
      const data = predictions.data.map((value, i) => (i === at ? 1.01 * value + 1 : value));
      const forward = { ...request.forward, predictions: { ...predictions, data } };
      expect(await headChannelScores({ ...request, forward }, zeros, score)).toBeUndefined();
    }
    const far = zeros.map(() => -1e7);
    expect(await headChannelScores(await own("class"), far, score)).toBeUndefined();
    expect(await expectSame(request, far)).toBe(1);
    expect(await headChannelScores(request, zeros, score + 1)).toBeUndefined();
  });
});

describe("the exports of Ultralytics", () => {
  it.each(["v5", "v5-seg", "v5-seg-dynamic", "v5-int8", "v5u", "v8-dynamic", "11-seg", "26-pose", "yolox"])(
    "%s: AblationCAM's scores are those of the tail",
    async (id) => {
      const pass = await open(readOnnx(exportBytes(id)), exportRecord(id).input.dims.slice(2) as [number, number]);
      for (const at of pass.layers.keys()) {
        const request = await requestOf(pass, at, "row", 2);
        const zeros = new Float64Array(request.activations.dims[0]!);
        const found = await (await openTail(request)).channelScores(zeros);
        const wanted = await byTail(request, zeros);
        wanted.forEach((value, c) => {
          expect(Math.abs(found[c]! - value)).toBeLessThan(2e-5 * (1 + Math.abs(value)));
        });
      }
      await pass.loaded.sessions.dispose();
    },
  );
});

it("NanoDet: AblationCAM's scores are those of the tail", async () => {
  const more = (loaded: LoadedModel) => [inputLayer(loaded)];
  const pass = await openPass({ model: restoredNanodet(), size: [H, W], more, tails: true, gradients: false });
  const request = await requestOf(pass, 0, "class", 2);
  const zeros = new Float64Array(request.activations.dims[0]!);
  const found = await (await openTail(request)).channelScores(zeros);
  const wanted = await byTail(request, zeros);
  wanted.forEach((value, c) => {
    expect(Math.abs(found[c]! - value)).toBeLessThan(2e-5 * (1 + Math.abs(value)));
  });
  expect(new Set(wanted).size).toBeGreaterThan(1);
  await pass.loaded.sessions.dispose();
});
