import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { backwardModelOf, runBackwardModel } from "../support/backward-run.js";
import {
  type ExportGradient,
  type ExportRecord,
  exportBytes,
  exportCotangent,
  exportRecord,
  ownInput,
  unpack,
} from "../support/exports.js";
import { noise } from "../support/noise.js";

const port = createOrtPort(ort as never);
const none = undefined;

/** Fixture, and what is to be told of its input: layout, batch, sides, range and from where. */
const inputs = [
  ["v8-nhwc", "NHWC", 1, [64, 64], 1, "default"],
  ["v8-uint8", "NHWC", 1, [64, 64], 255, "type"],
  ["v8-255", "NCHW", 1, [64, 64], 255, "graph"],
  ["v8-mean-std", "NCHW", 1, [64, 64], 255, "graph"],
  ["v8-batch-2", "NCHW", 2, [64, 64], 1, "default"],
  ["v8-batch-dynamic", "NCHW", "batch", [64, 64], 1, "default"],
  ["v8-wide", "NCHW", 1, [64, 96], 1, "default"],
  ["v8-dynamic", "NCHW", "batch", [none, none], 1, "default"],
  ["v10-300", "NCHW", 1, [128, 160], 1, "default"],
  ["yolox-grid", "NCHW", 1, [64, 96], 1, "default"],
  ["v8-half-inputs", "NCHW", 1, [64, 64], 1, "default"],
] as const;

describe.each(inputs)("the input of %s", (name, layout, batch, sides, range, rangeFrom) => {
  const record = exportRecord(name);
  const bytes = exportBytes(name);

  it("is told, and becomes RGB planes in 0..1", async () => {
    const loaded = await open(bytes);
    const [channels, padding] = ["rgb", "centre"];
    const told = { name: record.input.name, layout, batch, sides, range, channels, padding, rangeFrom };
    expect(loaded.input).toMatchObject(told);
    expect(loaded.model.graph.inputs).toHaveLength(1);
    const { elemType, shape } = loaded.model.graph.inputs[0]!;
    expect([elemType, shape?.[1]]).toEqual([1, 3]);
  });

  // Gradients in other precisions have tests of their own.
  it.skipIf(record.precision !== undefined)("leads to PyTorch's gradients at the layers", async () => {
    const loaded = await open(bytes);
    const found = await gradientsOf(
      loaded,
      record,
      record.gradients.map((gradient) => gradient.value),
    );
    for (const wanted of record.gradients) {
      const { dims, data } = found.get(wanted.value)!;
      expect(dims, wanted.value).toEqual([1, ...wanted.dims.slice(1)]);
      expect(distance(data as Float32Array, wanted), wanted.value).toBeLessThan(1e-4);
    }
  });

  it.skipIf(record.precision !== undefined)("has the gradient that differences show", async () => {
    const loaded = await open(bytes);
    const { data } = (await gradientsOf(loaded, record, [loaded.inputName])).get(loaded.inputName)!;
    const slope = data as Float32Array;
    const square = slope.reduce((sum, g) => sum + g * g, 0);
    expect(square).toBeGreaterThan(0);
    // So far along the gradient that the score changes by much more than it is rounded.
    const step = 0.0002 / Math.max(...slope.map(Math.abs));
    const image = ownInput(record);
    const at = (sign: number): Promise<number> => {
      const moved = image.data.map((value, i) => value + sign * step * slope[i]!);
      return scoreOf(loaded, record, { dims: image.dims, data: moved });
    };
    const change = (await at(1)) - (await at(-1));
    expect(change / (2 * step * square)).toBeCloseTo(1, 1);
  });

  it("explains an image", async () => {
    const detector = await createDetector(bytes, port, { threads: 1 });
    const image = { height: 48, width: 80, data: noise(48 * 80 * 3, 7) };
    const options = { confidence: 0.01, ...(sides[0] === undefined ? { imageSize: 64 } : {}) };
    const { detections, heatmap } = await detector.explain(image, { method: "GradCAM", ...options });
    await detector.dispose();
    expect(detections.length).toBeGreaterThan(0);
    expect([heatmap.height, heatmap.width]).toEqual([48, 80]);
    expect(heatmap.data.some((value) => value > 0)).toBe(true);
    expect(heatmap.data.every(Number.isFinite)).toBe(true);
  });
});

function open(bytes: Uint8Array): Promise<LoadedModel> {
  return loadModel(readModel(bytes), port, { threads: 1 });
}

/** Cotangents of the first image's predictions, by value. */
function seedsOf(record: ExportRecord): Record<string, Tensor> {
  const { dims, data } = exportCotangent(record);
  const one = [1, ...dims.slice(1)];
  return { [record.decoded.value!]: { dims: one, data: (data as Float32Array).slice(0, sizeOf(one)) } };
}

function gradientsOf(
  loaded: LoadedModel,
  record: ExportRecord,
  taps: readonly string[],
): Promise<Map<string, Tensor | null>> {
  const backward = backwardModelOf(loaded.model, { taps, outputs: [record.decoded.value!] });
  return runBackwardModel(loaded.model, backward, { [loaded.inputName]: ownInput(record) }, seedsOf(record));
}

/** What the gradients are of: the weighted sum of the predictions. */
async function scoreOf({ model, inputName }: LoadedModel, record: ExportRecord, image: Tensor): Promise<number> {
  const value = record.decoded.value!;
  const prefix = buildPrefix(model, [value]);
  const session = await port.createSession(encodeModel(prefix), { threads: 1 });
  const input = await port.upload("float32", image.dims, Float32Array.from(image.data));
  const { [value]: output } = await session.run({ [inputName]: input }, [value]);
  const data = (await output!.read()) as Float32Array;
  await session.release();
  const weights = seedsOf(record)[value]!.data;
  return data.reduce((sum, prediction, i) => sum + prediction * weights[i]!, 0);
}

/** Over the largest magnitude, at the places of the first image that the record tells. */
function distance(found: Float32Array, wanted: ExportGradient): number {
  const places = wanted.at ?? Array.from({ length: sizeOf(wanted.dims) }, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  const first = [...places.entries()].filter(([, place]) => place < found.length);
  expect(first.length).toBeGreaterThan(20);
  return Math.max(...first.map(([i, place]) => Math.abs(found[place]! - data[i]!))) / wanted.max;
}
