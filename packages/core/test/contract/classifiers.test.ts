import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import { type AnyCamMethod, defaultMethods } from "../../src/methods/index.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { backwardModelOf, runBackwardModel } from "../support/backward-run.js";
import {
  classifierBytes,
  classifierImage,
  classifierNames,
  classifierRecord,
  plainPixels,
} from "../support/classifiers.js";
import { type ExportGradient, unpack } from "../support/exports.js";

const port = createOrtPort(ort as never);

describe.each(classifierNames)("the classifier %s", async (name) => {
  const record = classifierRecord(name);
  const { size, logits, probabilities } = record;
  const loaded = await loadModel(readModel(classifierBytes(name)), port, { threads: 1, input: plainPixels });
  const { head, model, inputName } = loaded;
  const planes = (): Float32Array => {
    const { data } = classifierImage(size);
    const cells = size[0] * size[1];
    return Float32Array.from({ length: 3 * cells }, (_, i) => data[3 * (i % cells) + Math.floor(i / cells)]! / 255);
  };

  it("is known, with the map before its pooling", () => {
    expect([head.kind, head.task]).toEqual(["classifier", "classify"]);
    expect([head.classCount, head.extraCount]).toEqual([logits.length, logits.length]);
    expect(head.levels).toMatchObject([{ name: "image", inputs: [record.layer] }]);
    const isInFile = name.endsWith("-cls") || record.activation === "Sigmoid";
    expect(head.assumed === undefined).toBe(isInFile);
  });

  it("gives PyTorch's logits and probabilities", async () => {
    const session = await port.createSession(encodeModel(buildPrefix(model, [head.output])), { threads: 1 });
    const input = await port.upload("float32", [1, 3, ...size], planes());
    const { [head.output]: output } = await session.run({ [inputName]: input }, [head.output]);
    const found = (await output!.read()) as Float32Array;
    await session.release();
    const wanted = [size[1] / 2, size[0] / 2, size[1], size[0], 1, ...probabilities, ...logits];
    expect(output!.dims).toEqual([1, 1, wanted.length]);
    const scores = [...found].map((value, i) => Math.abs(value - wanted[i]!));
    expect(Math.max(...scores)).toBeLessThan(1e-4 * Math.max(...logits.map(Math.abs)));
  });

  it("has PyTorch's gradients at three layers", async () => {
    const taps = record.gradients.map(({ value }) => value);
    const backward = backwardModelOf(model, { taps, outputs: [head.output] });
    const first = 5 + logits.length;
    const seed = Float32Array.from({ length: first + logits.length }, (_, i) =>
      i < first ? 0 : (((i - first) * 0.7548776662) % 1) - 0.5,
    );
    const seeds = { [head.output]: { dims: [1, 1, seed.length], data: seed } };
    const input = { dims: [1, 3, ...size], data: planes() };
    const found = await runBackwardModel(model, backward, { [inputName]: input }, seeds);
    for (const wanted of record.gradients) {
      const { dims, data } = found.get(wanted.value)!;
      expect(dims, wanted.value).toEqual(wanted.dims);
      expect(distance(data as Float32Array, wanted), wanted.value).toBeLessThan(1e-4);
    }
  });

  it("explains its most probable class, which is found in the whole image", async () => {
    const detector = await createDetector(classifierBytes(name), port, { threads: 1, input: plainPixels });
    const { detections, heatmap, layers, backprop } = await detector.explain(classifierImage(size), {
      per: "detection",
      imageSize: size,
    });
    await detector.dispose();
    const best = probabilities.indexOf(Math.max(...probabilities));
    const [y2, x2] = size;
    expect(detections[0]).toMatchObject({ classIndex: best, isWholeImage: true, boxImage: { x1: 0, y1: 0, x2, y2 } });
    expect(detections[0]!.confidence).toBeCloseTo(probabilities[best]!, 5);
    expect(backprop).toEqual(["row_logit"]);
    expect(layers.map(({ value }) => value)).toContain(record.layer);
    expect(heatmap.data.some((value) => value > 0)).toBe(true);
  });
});

describe("pytorch-grad-cam's maps of a small ResNet", async () => {
  const record = classifierRecord("resnet");
  const detector = await createDetector(classifierBytes("resnet"), port, { threads: 1, input: plainPixels });
  afterAll(() => detector.dispose());

  it.each(Object.keys(record.maps!))("%s", async (id) => {
    const method = defaultMethods.find((one) => one.id === id)!;
    const { heatmap, explained, detections } = await detector.explain(classifierImage(record.size), {
      method: id as MethodId,
      classNames: [String(record.target)],
      ...(method.hasCompat ? { compat: true } : {}),
    });
    expect(explained.map((index) => detections[index]!.classIndex)).toEqual([record.target]);
    const wanted = floatsIn(record.maps![id]!);
    const worst = heatmap.data.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
    expect(worst).toBeLessThan(1e-4);
  });
});

function floatsIn(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

/** Over the largest magnitude, at the places that the record tells. */
function distance(found: Float32Array, wanted: ExportGradient): number {
  const places = wanted.at ?? Array.from({ length: sizeOf(wanted.dims) }, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  return Math.max(...places.map((place, i) => Math.abs(found[place]! - data[i]!))) / wanted.max;
}
