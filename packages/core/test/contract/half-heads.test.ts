import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { openSession } from "../../src/runtime/sessions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { backwardModelOf, runBackwardModel } from "../support/backward-run.js";
import { canonical } from "../support/canonical.js";
import { deployedBytes, deployedCotangent, deployedInput, deployedNames, deployedRecord } from "../support/deployed.js";
import { gradientsOf } from "../support/export-run.js";
import { type ExportGradient, exportBytes, exportRecord, ownInput, unpack } from "../support/exports.js";
import { toHalf } from "../support/half.js";
import { longUnless } from "../support/long.js";

// The float32 fixtures with all weights and values in float16, against PyTorch's numbers in float32.
const port = createOrtPort(ort as never);
/** Relative to the largest magnitude. */
const TOLERANCE = 5e-3;
/** Inputs and outputs of `model.half()`, and those of converters. */
const forms = ["float16", "float32"] as const;
const queries = ["rtdetr2-sizes", "dfine", "dfine-sizes", "rfdetr", "deformable-detr", "conditional-detr"];
/** Rounding moves some values of their ReLUs and clipped boxes to the other side of the kink, where the gradient is another one. */
const KINKS = /^(torchvision-|tf-ssd$|rtdetr2|dfine|deformable)/;
const KINKED_TOLERANCE = 0.2;
/** Those that `npm test` runs: one of each kind of head, all of those with constants in float16, and all with a selection. */
const typical =
  /^(efficientdet|yolo-nas|ppyoloe|picodet-nms|rtmdet-nms|damo-yolo|v7-raw|ssd-plain|tf-ssd|torchvision-(ssd|retinanet|fcos))$/;

describe.each(forms)("in float16, with inputs and outputs in %s,", (io) => {
  describe.each(deployedNames)("%s", (name) => {
    it(
      "has its head, and PyTorch's rows and gradients",
      longUnless(io === "float16" && typical.test(name)),
      async () => {
        const record = deployedRecord(name);
        const loaded = await loadHalf(deployedBytes(name), io, record.options);
        const { head, model, inputName } = loaded;
        expect([head.kind, head.classCount, head.hasObjectness]).toEqual([
          record.kind,
          record.classes,
          record.objectness,
        ]);
        expect(head.levels.map(({ stride }) => stride)).toEqual(record.strides);
        expect(head.labelsFromOne ?? false).toBe(record.labelsFromOne ?? false);
        const input = deployedInput(record);
        expectRows(await rowsOf(loaded, input), unpack(record.rows), record.classes);
        const taps = record.gradients.map(({ value }) => value);
        const backward = backwardModelOf(model, { taps, outputs: [head.output] });
        const seeds = { [head.output]: deployedCotangent(record) };
        const found = await runBackwardModel(model, backward, { [inputName]: input }, seeds);
        for (const wanted of record.gradients)
          expect(distance(found.get(wanted.value)!, wanted), wanted.value).toBeLessThan(gradientTolerance(name));
      },
    );
  });

  describe.each(queries)("%s", (name) => {
    it(
      "has its head, and PyTorch's rows and gradients",
      longUnless(io === "float16" && /^(dfine|rfdetr)$/.test(name)),
      async () => {
        const record = exportRecord(name);
        const loaded = await loadHalf(exportBytes(name), io, { input: { mean: [0, 0, 0], std: [1, 1, 1] } });
        expect([loaded.head.kind, loaded.head.classCount]).toEqual(["query", record.names.length]);
        const wanted = canonical(record);
        const data = Float32Array.from(wanted.flat());
        const rows = { dims: [1, wanted.length, wanted[0]!.length], data };
        expectRows(await rowsOf(loaded, ownInput(record)), rows, record.names.length);
        const found = await gradientsOf(loaded.model, record);
        for (const one of record.gradients)
          expect(distance(found.get(one.value)!, one), one.value).toBeLessThan(gradientTolerance(name));
      },
    );
  });
});

function gradientTolerance(name: string): number {
  return KINKS.test(name) ? KINKED_TOLERANCE : TOLERANCE;
}

async function loadHalf(
  bytes: Uint8Array,
  io: (typeof forms)[number],
  options: Parameters<typeof loadModel>[2],
): Promise<LoadedModel> {
  const model = readModel(bytes);
  const file = encodeModel({ ...model, graph: toHalf(model.graph, io) });
  return await loadModel(readModel(file), port, { ...options, threads: 1 });
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
function expectRows(found: Tensor, wanted: Tensor, classes: number): void {
  expect(found.dims).toEqual(wanted.dims);
  const columns = wanted.dims[2]!;
  const isScore = (i: number): boolean => i % columns >= 4 && i % columns < 5 + classes;
  const off = Array.from(wanted.data, (value, i) => Math.abs(value - found.data[i]!));
  const largest = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(Math.max(...off) / largest).toBeLessThan(TOLERANCE);
  expect(Math.max(...off.filter((_, i) => isScore(i)))).toBeLessThan(TOLERANCE);
}

/** Over the Euclidean norm, at the places that the record tells. */
function distance({ dims, data: found }: Tensor, wanted: ExportGradient): number {
  expect(dims, wanted.value).toEqual(wanted.dims);
  const places = wanted.at ?? Array.from(found, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  return Math.hypot(...places.map((place, i) => found[place]! - data[i]!)) / Math.hypot(...data);
}
