import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Model } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { openSession } from "../../src/runtime/sessions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { backwardModelOf, runBackwardModel } from "../support/backward-run.js";
import { canonical } from "../support/canonical.js";
import {
  deployedBytes,
  deployedCotangent,
  deployedInput,
  deployedNames,
  deployedRecord,
  isTypicalHead,
} from "../support/deployed.js";
import { exportSeeds } from "../support/export-run.js";
import { type ExportGradient, exportBytes, exportRecord, ownInput, unpack } from "../support/exports.js";
import { toHalf } from "../support/half.js";
import { gradientsOnOneSide, type KinkedRun } from "../support/kinks.js";
import { longUnless } from "../support/long.js";

// The float32 fixtures with all weights and values in float16, against PyTorch's numbers in float32 with the weights before they were rounded.
const port = createOrtPort(ort as never);
/** Relative to the largest magnitude. */
const TOLERANCE = 5e-3;
/** Inputs and outputs of `model.half()`, and those of converters. */
const forms = ["float16", "float32"] as const;
const queries = [
  ...["rtdetr2-sizes", "rtdetr3", "rtdetr4", "dfine", "dfine-sizes", "deim"],
  ...["dino", "rfdetr", "deformable-detr", "conditional-detr"],
];
/**
 * Rounding, of weights or of values, moves some values of these across a kink (a ReLU's zero, the bound of a box, the border of a cell that is sampled,
 * the order of two scores), where the gradient is another one. Half as much again as was measured.
 */
const KINKED: ReadonlyMap<string, number> = new Map([
  ["tf-ssd", 0.051],
  ["tf-retinanet", 0.2],
  ["tf-efficientdet", 0.023],
  ["torchvision-fcos", 0.13],
  ["torchvision-retinanet", 0.0085],
  ["torchvision-retinanet-open", 0.0095],
  ["torchvision-retinanet-resized", 0.12],
  ["torchvision-ssd", 0.035],
  ["torchvision-ssd-resized", 0.011],
  ["torchvision-ssdlite", 0.23],
  ["rtdetr2-sizes", 0.033],
  ["rtdetr3", 0.016],
  ["rtdetr4", 0.17],
  ["dfine", 0.042],
  ["dfine-sizes", 0.047],
  ["deim", 0.033],
  ["dino", 0.28],
  ["deformable-detr", 0.083],
]);
/** Which values cross a kink depends on the kernels of the runtime. */
const hasMeasuredKernels = process.arch === "x64";
/** Rounding that is more than TOLERANCE: of scores (their logits are small sums of large products), and of gradients without the kinks. */
const ROUNDED_ROWS: ReadonlyMap<string, number> = new Map([["deim", 0.0105]]);
const ROUNDED_GRADIENTS: ReadonlyMap<string, number> = new Map([
  ["deim", 0.0172],
  ["dino", 0.0075],
]);
describe.each(forms)("in float16, with inputs and outputs in %s,", (io) => {
  describe.each(deployedNames)("%s", (name) => {
    it(
      "has its head, and PyTorch's rows and gradients",
      longUnless(io === "float16" && isTypicalHead(name)),
      async () => {
        const record = deployedRecord(name);
        const file = readModel(deployedBytes(name));
        const loaded = await loadHalf(file, io, record.options);
        const { head, model, inputName } = loaded;
        expect([head.kind, head.classCount, head.hasObjectness]).toEqual([
          record.kind,
          record.classes,
          record.objectness,
        ]);
        expect(head.levels.map(({ stride }) => stride)).toEqual(record.strides);
        expect(head.labelsFromOne ?? false).toBe(record.labelsFromOne ?? false);
        const input = deployedInput(record);
        expectRows(await rowsOf(loaded, input), { wanted: unpack(record.rows), classes: record.classes });
        const seeds = { [head.output]: deployedCotangent(record) };
        await expectGradients(name, {
          model,
          weights: file.graph.initializers,
          feed: [inputName, input],
          seeds,
          record,
        });
      },
    );
  });

  describe.each(queries)("%s", (name) => {
    it(
      "has its head, and PyTorch's rows and gradients",
      longUnless(io === "float16" && /^(dfine|rfdetr)$/.test(name)),
      async () => {
        const record = exportRecord(name);
        const file = readModel(exportBytes(name));
        const loaded = await loadHalf(file, io, { input: { mean: [0, 0, 0], std: [1, 1, 1] } });
        expect([loaded.head.kind, loaded.head.classCount]).toEqual(["query", record.names.length]);
        const wanted = canonical(record);
        const data = Float32Array.from(wanted.flat());
        const rows = { dims: [1, wanted.length, wanted[0]!.length], data };
        const tolerance = ROUNDED_ROWS.get(name);
        expectRows(await rowsOf(loaded, ownInput(record)), { wanted: rows, classes: record.names.length, tolerance });
        const { model, inputName } = loaded;
        const feed = [inputName, ownInput(record)] as const;
        await expectGradients(name, {
          model,
          weights: file.graph.initializers,
          feed,
          seeds: exportSeeds(record),
          record,
        });
      },
    );
  });
});

/** Where rounding moves values across kinks, the gradients are compared once more without that. */
async function expectGradients(
  name: string,
  { record, ...run }: Omit<KinkedRun, "taps"> & { readonly record: { readonly gradients: readonly ExportGradient[] } },
): Promise<void> {
  const { model, feed, seeds } = run;
  const taps = record.gradients.map(({ value }) => value);
  const backward = backwardModelOf(model, { taps, outputs: Object.keys(seeds) });
  const found = await runBackwardModel(model, backward, { [feed[0]]: feed[1] }, seeds);
  const kinked = KINKED.get(name);
  const oneSide = kinked === undefined ? found : await gradientsOnOneSide({ ...run, taps });
  for (const wanted of record.gradients) {
    const { value } = wanted;
    if (hasMeasuredKernels) expect(distance(found.get(value)!, wanted), value).toBeLessThan(kinked ?? TOLERANCE);
    expect(distance(oneSide.get(value)!, wanted), value).toBeLessThan(ROUNDED_GRADIENTS.get(name) ?? TOLERANCE);
  }
}

async function loadHalf(
  file: Model,
  io: (typeof forms)[number],
  options: Parameters<typeof loadModel>[2],
): Promise<LoadedModel> {
  const half = encodeModel({ ...file, graph: toHalf(file.graph, io) });
  return await loadModel(readModel(half), port, { ...options, threads: 1 });
}

async function rowsOf({ head, model, inputName }: LoadedModel, { dims, data }: Tensor): Promise<Tensor> {
  const session = await openSession(port, buildPrefix(model, [head.output]), { threads: 1 });
  const input = await port.upload("float32", dims, Float32Array.from(data));
  const { [head.output]: output } = await session.run({ [inputName]: input }, [head.output]);
  const rows = { dims: output!.dims, data: (await output!.read()) as Float32Array };
  await session.release();
  return rows;
}

/** Scores are smaller than boxes, and compared apart. */
function expectRows(
  found: Tensor,
  {
    wanted,
    classes,
    tolerance = TOLERANCE,
  }: { readonly wanted: Tensor; readonly classes: number; readonly tolerance?: number | undefined },
): void {
  expect(found.dims).toEqual(wanted.dims);
  const columns = wanted.dims[2]!;
  const isScore = (i: number): boolean => i % columns >= 4 && i % columns < 5 + classes;
  const off = Array.from(wanted.data, (value, i) => Math.abs(value - found.data[i]!));
  const largest = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(Math.max(...off) / largest).toBeLessThan(tolerance);
  expect(Math.max(...off.filter((_, i) => isScore(i)))).toBeLessThan(tolerance);
}

/** Over the Euclidean norm, at the places that the record tells. */
function distance({ dims, data: found }: Tensor, wanted: ExportGradient): number {
  expect(dims, wanted.value).toEqual(wanted.dims);
  const places = wanted.at ?? Array.from(found, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  return Math.hypot(...places.map((place, i) => found[place]! - data[i]!)) / Math.hypot(...data);
}
