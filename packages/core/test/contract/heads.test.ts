import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { detect } from "../../src/detector/detect.js";
import type { Detection, Predictions } from "../../src/detector/detection.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { runForward } from "../../src/explain/passes/forward-pass.js";
import { joinPlans, planTaps } from "../../src/explain/plan/tap-plan.js";
import type { Letterbox } from "../../src/image/frame.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { canonical } from "../support/canonical.js";
import { type ExportRecord, exportBytes, exportNames, exportRecord, ownInput, unpack } from "../support/exports.js";

const port = createOrtPort(ort as never);
/** Precisions have tests of their own. */
const plain = exportNames.filter((name) => exportRecord(name).precision === undefined);

describe.each(plain)("the head of %s", async (name) => {
  const record = exportRecord(name);
  const { loaded, predictions, letterbox } = await open(name, record);
  const { head } = loaded;

  it("is known by what the graph computes", () => {
    const isQuery = /(Decoder|Transformer(v3)?|LWDETR)$/.test(record.head);
    const isAnchored = /^v5($|-seg)/.test(name);
    expect(head.kind).toBe(isQuery ? "query" : isAnchored ? "anchor-based" : "anchor-free");
    expect(head.task).toBe(record.task);
    expect(head.classCount).toBe(record.names.length);
    expect(head.hasObjectness).toBe(isAnchored || name.startsWith("yolox"));
    expect(head.selection.nms).toBe(!(record.end2end || isQuery));
    const finest = record.head === "RTDETRDecoder" ? 8 : Math.min(...record.strides);
    const strides = isQuery ? [finest] : record.strides;
    expect(head.levels.map((level) => level.stride)).toEqual(strides);
    const coefficients = record.task === "segment" ? 4 : undefined;
    expect(head.prototypes === undefined ? undefined : head.extraCount).toBe(coefficients);
  });

  it("gives PyTorch's predictions in the one layout", () => {
    const wanted = canonical(record);
    expect([predictions.rows, predictions.columns]).toEqual([wanted.length, wanted[0]!.length]);
    const flat = Float64Array.from(wanted.flat());
    const largest = flat.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = flat.reduce((most, value, i) => Math.max(most, Math.abs(value - predictions.data[i]!)), 0);
    expect(worst).toBeLessThan(1e-5 * largest);
  });

  it("keeps the boxes that the file itself selects", async () => {
    const own = deployed(record);
    if (own === undefined) return;
    // As many as the file has rows for.
    const options = { confidence: 0.4, iou: head.selection.iou ?? 0.7, maxDetections: own.length, agnostic: false };
    const found = detect({ predictions: predictions, head: head, classNames: loaded.classNames, letterbox }, options);
    const wanted = own.filter((row) => row.confidence > 0.4);
    expect(found.length).toBeGreaterThan(0);
    // The suppression of an export moves classes apart by the image's size, so that boxes larger than it also meet other classes.
    if (!record.nms) expect(found.length).toBe(wanted.length);
    for (const { confidence, corners, classIndex } of wanted) {
      const same = found.filter((one) => one.classIndex === classIndex && near(one.confidence, confidence));
      const distances = same.map((one) => (record.task === "obb" ? 0 : apart(cornersOf(predictions, one), corners)));
      expect(Math.min(...distances)).toBeLessThan(1e-2);
    }
  });
});

async function open(
  name: string,
  record: ExportRecord,
): Promise<{ loaded: LoadedModel; predictions: Predictions; letterbox: Letterbox }> {
  // The numbers are for an input that is normalised already.
  const input = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const loaded = await loadModel(readModel(exportBytes(name)), port, { threads: 1, input });
  const none = { layers: [], activations: false, gradients: false, manySeeds: false, tails: false };
  const plan = joinPlans(loaded, [planTaps(loaded, none)]);
  const { dims, data } = ownInput(record);
  const size = [dims[2]!, dims[3]!] as const;
  const letterbox = { imageSize: size, inputSize: size, contentSize: size, scale: 1, padTop: 0, padLeft: 0 };
  const { predictions } = await runForward(loaded, {
    ...{ plan, letterbox, pixels: data.slice(), keepsInput: false, signal: undefined },
  });
  return { loaded, predictions, letterbox };
}

interface OwnBox {
  readonly corners: readonly number[];
  readonly confidence: number;
  readonly classIndex: number;
}

/** The boxes that the export gives itself, `[1, n, 6 + …]`; undefined where it gives all its rows. */
function deployed(record: ExportRecord): OwnBox[] | undefined {
  const [output] = record.outputs;
  if (output === undefined || "same" in output || record.scores === "logits") return undefined;
  if (record.outputs.length === 3 && output.name === "labels") return deployedQueries(record);
  if (output.name === "bbox") return deployedByPaddle(unpack(output).data as Float32Array);
  const { dims, data } = unpack(output);
  const scale = record.boxes === "xywh, 0..1" ? record.input.dims.slice(2) : undefined;
  const rows = Array.from({ length: dims[1]! }, (_, i) => data.subarray(i * dims[2]!, (i + 1) * dims[2]!));
  return rows.map((row) => ({
    corners: scale === undefined ? [...row.subarray(0, 4)] : cornersOfShares(row, scale as [number, number]),
    confidence: row[4]!,
    classIndex: row[5]!,
  }));
}

/** Labels, boxes and scores behind a selection of queries. The boxes are in pixels of the input, the size that was fed. */
function deployedQueries(record: ExportRecord): OwnBox[] {
  const [labels, boxes, scores] = record.outputs.map((output) => unpack(output as never).data as Float32Array);
  return Array.from(scores!, (confidence, i) => ({
    corners: [...boxes!.subarray(4 * i, 4 * i + 4)],
    confidence,
    classIndex: labels![i]!,
  }));
}

/** Rows of label, score and corners in pixels of an image as large as the input. */
function deployedByPaddle(data: Float32Array): OwnBox[] {
  return Array.from({ length: data.length / 6 }, (_, i) => ({
    corners: [...data.subarray(6 * i + 2, 6 * i + 6)],
    confidence: data[6 * i + 1]!,
    classIndex: data[6 * i]!,
  }));
}

function cornersOfShares(row: Float32Array, [H, W]: readonly [number, number]): number[] {
  const [x, y, w, h] = [row[0]! * W, row[1]! * H, row[2]! * W, row[3]! * H];
  return [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
}

function cornersOf({ data, columns }: Predictions, { row }: Detection): number[] {
  const [x, y, w, h] = data.subarray(row * columns, row * columns + 4) as unknown as [number, number, number, number];
  return [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) < 1e-4;
}

function apart(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}
