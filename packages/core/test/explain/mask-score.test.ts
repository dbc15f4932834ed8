import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { disposeAll, forwardOnInput } from "../../src/explain/forward-pass.js";
import { gradientsOf } from "../../src/explain/gradients.js";
import { loadModel } from "../../src/explain/load-model.js";
import { planContext } from "../../src/explain/loaded-model.js";
import { joinPlans, planTaps } from "../../src/explain/plan.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { evaluateScore, resolveScore } from "../../src/scores/index.js";
import { maskCellsOf } from "../../src/scores/mask.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { type ExportGradient, exportBytes, exportInput, exportRecord } from "../support/exports.js";

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
  const plan = planTaps(planContext(loaded), request);
  const size = record.input.dims.slice(2) as [number, number];
  const letterbox = { imageSize: size, inputSize: size, contentSize: size, scale: 1, padTop: 0, padLeft: 0 };
  const session = joinPlans(planContext(loaded), [plan]);
  const forward = await forwardOnInput(
    loaded,
    session,
    exportInput(record).data.slice() as Float32Array,
    letterbox,
    false,
    undefined,
  );
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
      const [found] = await gradientsOf(loaded, forward, plan, [{ layers, results: [result], levels: carrying }]);
      for (const [i, gradient] of wanted.gradients.entries()) {
        expect(distance(found!.get(layers[i]!.value)!, gradient), `layer ${gradient.layer}`).toBeLessThan(1e-4);
      }
    }
    disposeAll(forward.tensors);
    await loaded.sessions.dispose();
  });
});
