import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import { defaultMethods } from "../../src/methods/index.js";
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

describe("options of a classifier", async () => {
  const record = classifierRecord("resnet");
  const detector = await createDetector(classifierBytes("resnet"), port, { threads: 1, input: plainPixels });
  afterAll(() => detector.dispose());
  const picture = classifierImage(record.size);
  const explain = (options: ExplainOptions) => detector.explain(picture, options);
  const order = record.probabilities
    .map((_, k) => k)
    .sort((a, b) => record.probabilities[b]! - record.probabilities[a]!);
  const found = async (options: ExplainOptions) =>
    (await detector.detect(picture, options)).detections.map(({ classIndex }) => classIndex);

  it("classes: five at most, above 0.1, and the best in any case; unless the options say otherwise", async () => {
    const above = (least: number) => order.filter((k) => record.probabilities[k]! > least);
    expect(await found({})).toEqual(above(0.1));
    expect(await found({ confidence: 0 })).toEqual(order.slice(0, 5));
    expect(await found({ confidence: 0, maxDetections: 2 })).toEqual(order.slice(0, 2));
    expect(await found({ confidence: 0, maxDetections: 1000 })).toEqual(order);
    expect(await found({ conf: 0.999 })).toEqual([]);
    const { empty } = await explain({ confidence: 0.999 });
    expect(empty).toEqual({
      reason: "no-detection",
      message: "No class has a probability above 0.999. Lower the confidence.",
    });
  });

  it("a class that is named is explained, however improbable", async () => {
    const last = order.at(-1)!;
    const { detections, explained, heatmap } = await explain({ classNames: [`class${last}`], method: "GradCAM" });
    expect(detections.map(({ classIndex }) => classIndex).at(-1)).toBe(last);
    expect(explained).toEqual([detections.length - 1]);
    expect(heatmap.data.some((value) => value > 0)).toBe(true);
  });

  it("versus compares logits before the softmax", async () => {
    const [a, b] = order as [number, number];
    const options = { classNames: [`class${a}`], versus: `class${b}` };
    const { scores, backprop } = await explain({ ...options, method: "GradCAM" });
    expect(backprop).toEqual(["contrast"]);
    expect(scores[0]!.value).toBeCloseTo(record.logits[a]! - record.logits[b]!, 4);
  });

  it.each([
    ["row_logit", (k: number) => record.logits[k]!],
    ["row", (k: number) => record.probabilities[k]!],
    ["class", (k: number) => Math.log(record.probabilities[k]!)],
  ] as const)("the score %s of each class is what its name says", async (backprop, wantedOf) => {
    const { scores, detections } = await explain({ backprop: [backprop], per: "detection", confidence: 0 });
    const wanted = detections.map(({ classIndex }) => wantedOf(classIndex));
    scores.forEach(({ value }, i) => {
      expect(value).toBeCloseTo(wanted[i]!, 4);
    });
  });

  it.each(["x_c", "w", "x1", "objectness", "class_confidence", "class_sum", "mask", "keypoints", "angle"] as const)(
    "the score %s is refused",
    async (score) => {
      await expect(explain({ backprop: [score] })).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(/is not supported for this model \(task: classify\)/),
      });
    },
  );

  it("a box is refused, and the message says how to ask for a class", async () => {
    const box = { x1: 1, y1: 1, x2: 9, y2: 9, className: "class0" };
    await expect(explain({ box })).rejects.toThrow(/is a classifier.*Name the class instead .*"class0"/);
  });

  const placed = ["G-CAME", "SSGrad-CAM++", "DetClassProbabilityMap"];
  it.each(defaultMethods.filter(({ id }) => !placed.includes(id)).map(({ id }) => id))("%s makes maps", async (id) => {
    const { samples } = defaultMethods.find((method) => method.id === id)!;
    const given = samples === undefined ? {} : { samples: 8 };
    const { heatmap, empty } = await explain({ method: id as MethodId, ...given });
    expect(heatmap.data.every(Number.isFinite)).toBe(true);
    if (empty === undefined) expect(heatmap.data.some((value) => value > 0)).toBe(true);
    else expect(empty.reason).toBe("zero-gradient");
  });

  it.each(defaultMethods.filter(({ id }) => placed.includes(id)).map(({ id }) => id))("%s is refused", async (id) => {
    await expect(explain({ method: id as MethodId })).rejects.toThrow(/needs the places of detections .*GradCAM/);
  });
  it("no other method is refused", () =>
    expect(defaultMethods.filter(({ id }) => placed.includes(id))).toHaveLength(3));

  it("six views are averaged, and tap fusion reads a map of each stride", async () => {
    const { heatmap } = await explain({ augSmooth: true, method: "GradCAM" });
    expect(heatmap.data.some((value) => value > 0)).toBe(true);
    const { layers } = await explain({ per: "detection", method: "tap-fusion" });
    expect(layers.map(({ value }) => value)).toContain(record.layer);
  });

  it("RISE measures the probability of the class", async () => {
    const { heatmap } = await explain({ method: "D-RISE", samples: 200, seed: 1 });
    expect(heatmap.data.some((value) => value > 0)).toBe(true);
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
