import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { detect } from "../../src/detector/detect.js";
import { createDetector } from "../../src/explain/create-detector.js";
import { MaskedRuns } from "../../src/explain/evidence/masked.js";
import { openTail } from "../../src/explain/evidence/tail.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import { runForward, sceneOf } from "../../src/explain/passes/forward-pass.js";
import { gradientsOf } from "../../src/explain/passes/gradients.js";
import { disposeAll, readFloats } from "../../src/explain/passes/runtime-tensors.js";
import { joinPlans, planTaps } from "../../src/explain/plan/tap-plan.js";
import { scoreOf, targetOf } from "../../src/explain/targets/detection-score.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { evaluateScore, resolveScore, scoreValue } from "../../src/scores/index.js";
import { maskCellsOf } from "../../src/scores/mask.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { type ExportGradient, exportBytes, exportInput, exportRecord } from "../support/exports.js";
import { toHalf } from "../support/half.js";
import { makeImage } from "../support/mini-detector.js";

type Sampled = Omit<ExportGradient, "value" | "layer">;
interface Case {
  readonly name: string;
  readonly row: number;
  readonly cells: number[];
  readonly value: number;
  readonly prototypes: Sampled;
  readonly gradients: readonly (Sampled & { readonly layer: number })[];
}

const cases: Case[] = JSON.parse(
  readFileSync(new URL("../../../../fixtures/tasks/mask-score.json", import.meta.url), "utf8"),
);

/** Largest difference from PyTorch's numbers, and that of the norms, over the largest magnitude. */
function distance({ data }: Pick<Tensor, "data">, wanted: Sampled): number {
  const bytes = Buffer.from(wanted.data, "base64");
  const places = wanted.at ?? Array.from({ length: sizeOf(wanted.dims) }, (_, i) => i);
  const at = (i: number) => (4 * i < bytes.length ? bytes.readFloatLE(4 * i) : 0);
  const worst = places.reduce((most, place, i) => Math.max(most, Math.abs(data[place]! - at(i))), 0);
  const norm = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0));
  return Math.max(worst / wanted.max, Math.abs(norm - wanted.norm) / wanted.norm);
}

describe.each(cases)("the score of a mask of $name", async ({ name, row, ...wanted }) => {
  const record = exportRecord(name);
  const port = createOrtPort(ort as never);
  const loaded = await loadModel(readModel(exportBytes(name)), port, { threads: 1 });
  const layers = wanted.gradients.map(({ layer }) => {
    const { value } = record.gradients.find((gradient) => gradient.layer === layer)!;
    return { index: layer, name: `model.${layer}`, value };
  });
  const request = { layers, activations: true, gradients: true, manySeeds: false, masks: true, tails: false };
  const plan = planTaps(loaded, request);
  const size = record.input.dims.slice(2) as [number, number];
  const letterbox = { imageSize: size, inputSize: size, contentSize: size, scale: 1, padTop: 0, padLeft: 0 };
  const session = joinPlans(loaded, [plan]);
  const pixels = exportInput(record).data.slice() as Float32Array;
  const run = { plan: session, letterbox, pixels, keepsInput: false, signal: undefined };
  const forward = await runForward(loaded, run);
  const { predictions } = forward;
  const [x, y, w, h] = predictions.data.subarray(row * predictions.columns) as unknown as [
    number,
    number,
    number,
    number,
  ];
  const clip = (value: number) => Math.min(Math.max(value, 0), 64);
  const box = { x1: clip(x - w / 2), y1: clip(y - h / 2), x2: clip(x + w / 2), y2: clip(y + h / 2) };
  const boxInput = { frame: "input", ...box } as const;
  const maskCells = maskCellsOf(predictions, row, boxInput, size);
  const target = { boxInput, classIndex: 0, row, maskCells };
  const result = evaluateScore(resolveScore("mask"), predictions, [target], { topk: 10 });

  it("has PyTorch's cells, value and gradient on the prototypes", () => {
    expect(maskCells).toEqual(wanted.cells);
    expect(result.value).toBeCloseTo(wanted.value, 5);
    const gradient = new Float32Array(sizeOf(wanted.prototypes.dims));
    const plane = 16 * 16;
    for (const { coefficients, cells, slopes } of result.prototypes) {
      coefficients.forEach((c, e) => {
        for (const [i, cell] of cells.entries()) gradient[e * plane + cell]! += c * slopes[i]!;
      });
    }
    expect(distance({ data: gradient }, wanted.prototypes)).toBeLessThan(1e-4);
  });

  it("has PyTorch's gradients at a backbone stage and at the prototypes' own input", async () => {
    const levels = [...loaded.head.levels.keys()];
    const own = [loaded.head.originOf(row, size, [x, y]).level];
    for (const carrying of [levels, own]) {
      const [found] = await gradientsOf(loaded, {
        ...{ forward, plan, requests: [{ layers, results: [result], levels: carrying }], signal: undefined },
      });
      for (const [i, gradient] of wanted.gradients.entries()) {
        expect(distance(found!.get(layers[i]!.value)!, gradient), `layer ${gradient.layer}`).toBeLessThan(1e-4);
      }
    }
    disposeAll(forward.tensors);
    await loaded.sessions.dispose();
  });
});

describe("runs again with other activations, and with masked images", async () => {
  const record = exportRecord("11-seg");
  const port = createOrtPort(ort as never);
  const loaded = await loadModel(readModel(exportBytes("11-seg")), port, { threads: 1 });
  const score = resolveScore("mask");
  const options = { topk: 10 };
  const size = [64, 64] as const;
  const letterbox = { imageSize: size, inputSize: size, contentSize: size, scale: 1, padTop: 0, padLeft: 0 };
  /** 16 feeds the prototypes, 22 only the rows of the coarsest level. */
  const layers = [4, 16, 22].map((index) => loaded.layers.find((layer) => layer.index === index)!);
  const request = { layers, activations: true, gradients: true, manySeeds: false, masks: true, tails: true };
  const plan = planTaps(loaded, request);
  const session = joinPlans(loaded, [plan]);
  const pixels = exportInput(record).data.slice() as Float32Array;
  const run = { plan: session, letterbox, pixels, keepsInput: true, signal: undefined };
  const forward = await runForward(loaded, run);
  const thresholds = { confidence: 0.2, iou: 0.7, maxDetections: 30, agnostic: false };
  const detections = detect(sceneOf(loaded, forward), thresholds);
  const scored = detections.map((detection) => scoreOf(loaded, { scene: forward, score, detection, options }));
  const total = scored.reduce((sum, { result }) => sum + (result.terms[0] ?? score.missing!), 0);
  afterAll(async () => {
    disposeAll(forward.tensors);
    await loaded.sessions.dispose();
  });

  it.each(layers)("layer $index: a tail's score changes by the gradient", async (layer) => {
    const name = plan.activations.get(layer.value)!;
    const { dims, data } = await readFloats(name, forward.tensors[name]!);
    const activations = { dims: dims.slice(1), data };
    const tail = await openTail({
      ...{ loaded, forward, plan, tail: plan.tail(layer), activations, score, detections, options, signal: undefined },
    });
    expect(tail.score).toBeCloseTo(total, 9);
    const results = scored.map((entry) => entry.result);
    const levels = [...loaded.head.levels.keys()];
    const [found] = await gradientsOf(loaded, {
      ...{ forward, plan, requests: [{ layers: [layer], results, levels }], signal: undefined },
    });
    const gradient = found!.get(layer.value)!.data;
    const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
    const step = 1e-3;
    const [down, same, up] = await tail.scores(3, (i, into) => {
      into.set(data.map((value, at) => value + ((i - 1) * step * gradient[at]!) / norm));
    });
    expect(same).toBeCloseTo(total, 4);
    expect(Math.abs((up! - down!) / (2 * step) - norm) / norm).toBeLessThan(0.02);
  });

  it("a mask of ones gives the score, another one what the network says of that image", async () => {
    const runs = new MaskedRuns({ loaded, options, signal: undefined }, forward, detections);
    const masked = await runs.open(score, scored);
    const values = await masked.scores(2, (i, into) => into.fill(i === 0 ? 1 : 0.5));
    expect(values[0]).toBeCloseTo(total, 4);
    const half = await runForward(loaded, { ...run, pixels: pixels.map((value) => value / 2) });
    const targets = detections.map((detection) => targetOf(detection, score, forward));
    expect(values[1]).toBeCloseTo(scoreValue(score, half.predictions, targets, options), 4);
    expect(values[1]).not.toBeCloseTo(total, 2);
    disposeAll(half.tensors);
  });
});

it("of a float16 model gives the maps of the float32 one", async () => {
  const model = readModel(exportBytes("11-seg"));
  const port = createOrtPort(ort as never);
  const open = (bytes: Uint8Array) => createDetector(bytes, port, { threads: 1 });
  const full = await open(encodeModel(model));
  const half = await open(encodeModel({ ...model, graph: toHalf(model.graph) }));
  // Half precision moves little, but FullGrad adds up what every layer was rounded by.
  for (const [method, most] of [
    ["LayerCAM", 0.05],
    ["AblationCAM", 0.05],
    ["FullGrad", 0.2],
  ] as const) {
    const options: ExplainOptions = { method, backprop: ["mask"], maxDetections: 1, confidence: 0.1 };
    const [wanted, found] = [full, half].map((detector) => detector.explain(makeImage(4, [64, 64]), options));
    const [a, b] = [(await wanted!).heatmap.data, (await found!).heatmap.data];
    expect(Math.max(...a)).toBeGreaterThan(0.99);
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!))), method).toBeLessThan(most);
  }
  await Promise.all([full.dispose(), half.dispose()]);
});
