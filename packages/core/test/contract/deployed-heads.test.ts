import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { backwardModelOf, runBackwardModel } from "../support/backward-run.js";
import {
  deployedBytes,
  deployedCotangent,
  deployedInput,
  deployedNames,
  deployedRecord,
  isTypicalHead,
} from "../support/deployed.js";
import { type ExportGradient, unpack } from "../support/exports.js";
import { longUnless } from "../support/long.js";
import { noise } from "../support/noise.js";

const port = createOrtPort(ort as never);

describe.each(deployedNames)("the head of %s", async (name) => {
  const record = deployedRecord(name);
  const loaded = await loadModel(readModel(deployedBytes(name)), port, { threads: 1, ...record.options });
  const { head, model, inputName } = loaded;

  it("is known", () => {
    const { dims } = record.rows;
    expect(head.kind).toBe(record.kind);
    expect(head.levels.map(({ stride }) => stride)).toEqual(record.strides);
    expect(head.levels.map(({ anchors }) => anchors)).toEqual(
      typeof record.perCell === "number" ? record.strides.map(() => record.perCell) : record.perCell,
    );
    expect(head.labelsFromOne ?? false).toBe(record.labelsFromOne ?? false);
    expect([head.classCount, head.hasObjectness]).toEqual([record.classes, record.objectness]);
    expect(head.extraCount).toBe(dims[2]! - 5 - record.classes);
    expect(head.rowCount(record.size)).toBe(record.isOpen ? undefined : dims[1]);
  });

  it("gives the rows of the detector's own decoding", async () => {
    const session = await port.createSession(encodeModel(buildPrefix(model, [head.output])), { threads: 1 });
    const { dims, data } = deployedInput(record);
    const input = await port.upload("float32", dims, Float32Array.from(data));
    const { [head.output]: output } = await session.run({ [inputName]: input }, [head.output]);
    const found = (await output!.read()) as Float32Array;
    await session.release();
    const wanted = unpack(record.rows);
    expect(output!.dims).toEqual(wanted.dims);
    const largest = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = wanted.data.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
    expect(worst).toBeLessThan(1e-5 * largest);
    // Scores are smaller than boxes.
    const columns = wanted.dims[2]!;
    const isScore = (i: number): boolean => i % columns >= 4 && i % columns < 5 + record.classes;
    const scores = wanted.data.map((value, i) => (isScore(i) ? Math.abs(value - found[i]!) : 0));
    expect(Math.max(...scores)).toBeLessThan(1e-5);
  });

  it("has PyTorch's gradients at three layers", async () => {
    const taps = record.gradients.map(({ value }) => value);
    const backward = backwardModelOf(model, { taps, outputs: [head.output] });
    const seeds = { [head.output]: deployedCotangent(record) };
    const found = await runBackwardModel(model, backward, { [inputName]: deployedInput(record) }, seeds);
    for (const wanted of record.gradients) {
      const { dims, data } = found.get(wanted.value)!;
      expect(dims, wanted.value).toEqual(wanted.dims);
      expect(distance(data as Float32Array, wanted), wanted.value).toBeLessThan(1e-4);
    }
  });
});

describe.each(deployedNames)("%s", (name) => {
  it("explains an image", longUnless(isTypicalHead(name)), async () => {
    const { options, size } = deployedRecord(name);
    const detector = await createDetector(deployedBytes(name), port, { threads: 1, ...options });
    const image = { height: size[0], width: size[1], data: noise(size[0] * size[1] * 3, 7) };
    const { detections, heatmap } = await detector.explain(image, {
      method: "LayerCAM",
      confidence: 0.01,
      maxDetections: 4,
    });
    await detector.dispose();
    expect(detections.length).toBeGreaterThan(0);
    expect(heatmap.data.every(Number.isFinite)).toBe(true);
    expect(heatmap.data.some((value) => value > 0)).toBe(true);
  });
});

/** Over the largest magnitude, at the places that the record tells. */
function distance(found: Float32Array, wanted: ExportGradient): number {
  const places = wanted.at ?? Array.from({ length: sizeOf(wanted.dims) }, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  return Math.max(...places.map((place, i) => Math.abs(found[place]! - data[i]!))) / wanted.max;
}
