import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { headChannelScores } from "../../src/explain/evidence/head-channels.js";
import { openTail } from "../../src/explain/evidence/tail.js";
import type { TailRequest } from "../../src/explain/evidence/tail-request.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import type { Model } from "../../src/onnx/model.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { resolveScore } from "../../src/scores/index.js";
import { exportBytes, exportRecord } from "../support/exports.js";
import { fixedModel, type MiniPass, openPass, picture, tameModel } from "../support/mini-detector.js";

const options = { topk: 10, versus: 1 };
const headInputs = (loaded: LoadedModel) =>
  loaded.head.levels.map(({ inputs: [value] }) => ({ index: undefined, name: value!, value: value! }));

async function open(model: Model, size: readonly [number, number]): Promise<MiniPass> {
  const request = { more: headInputs, tails: true, gradients: false, confidence: 0.02, image: picture(5, size) };
  return openPass({ ...request, model, size });
}

async function requestOf(pass: MiniPass, at: number, id: string, count = 3): Promise<TailRequest> {
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

  it.each(["class", "row", "confidence", "x2", "class_sum"])("%s: give what runs of the tail give", async (id) => {
    let direct = 0;
    for (const at of pass.layers.keys()) {
      const request = await requestOf(pass, at, id);
      const [C] = request.activations.dims as [number];
      for (const value of [0, 0.2, -0.1]) direct += await expectSame(request, new Float64Array(C).fill(value));
    }
    if (id === "class_sum") expect(direct).toBe(0);
    else if (name === "dynamic") expect(direct).toBeGreaterThan(2);
  });

  it("run the tail if the predictions are decoded in another way, or a score could read most rows", async () => {
    const request = await requestOf(pass, 0, "row");
    const { predictions } = request.forward;
    const zeros = new Float64Array(request.activations.dims[0]!);
    const { score } = await openTail(request);
    for (const column of [0, 3, 4, 5]) {
      const data = predictions.data.map((value, i) =>
        i === 7 * predictions.columns + column ? 1.01 * value + 1 : value,
      );
      const forward = { ...request.forward, predictions: { ...predictions, data } };
      expect(await headChannelScores({ ...request, forward }, zeros, score)).toBeUndefined();
    }
    expect(
      await headChannelScores(
        request,
        zeros.map(() => -1e7),
        score,
      ),
    ).toBeUndefined();
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
