import { describe, expect, test } from "vitest";
import { restoreNanodet } from "../../src/readers/nanodet/restore-nanodet.js";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { runOnnx, runTyped } from "./run-onnx.js";
import { attr, randomNumbers, TfjsWriter } from "./tfjs-writer.js";

const [H, W] = [32, 64] as const;
const [CLASSES, BINS] = [2, 3] as const;
const STRIDES = [16, 8] as const; // the file's order is not ours

interface Tiny {
  readonly json: unknown;
  readonly bytes: Uint8Array;
}

/** A NanoDet of one convolution a level, as onnx-tf leaves it: PyTorch's axes, the bias outside. */
function tinyNanodet(change: { sigmoid?: boolean; sides?: number; rows?: number; channels?: number } = {}): Tiny {
  const tf = new TfjsWriter();
  const random = randomNumbers(3);
  const { channels = 3, sides = 4 * BINS } = change;
  const columns = CLASSES + sides;
  const input = tf.node("Placeholder", [], { shape: attr.shape(1, channels, H, W) }, "input_1");
  const turned = tf.node("Transpose", [input, tf.ints([0, 2, 3, 1])]);
  const outputs = STRIDES.flatMap((stride) => {
    const weights = Float32Array.from({ length: stride ** 2 * channels * columns }, () => random() / stride);
    const conv = tf.node("Conv2D", [turned, tf.floats([stride, stride, channels, columns], weights)], {
      padding: attr.s("VALID"),
      strides: attr.ints(1, stride, stride, 1),
    });
    const bias = Float32Array.from({ length: columns }, random);
    const biased = tf.node("Add", [conv, tf.floats([columns], bias)], {}, `level${stride}`);
    const back = tf.node("Transpose", [biased, tf.ints([0, 3, 1, 2])]);
    const halves = tf.node("SplitV", [back, tf.ints([CLASSES, sides]), tf.ints([1], [])]);
    const scores = change.sigmoid === false ? tf.node("Tanh", [halves]) : tf.node("Sigmoid", [halves]);
    return [scores, `${halves}:1`].map((half, i) => {
      const rows = tf.node("Reshape", [half, tf.ints([1, i === 0 ? CLASSES : sides, -1])]);
      return tf.node("Identity", [tf.node("Transpose", [rows, tf.ints([0, 2, 1])])]);
    });
  });
  const model = tf.model(outputs[0]!) as Record<string, unknown>;
  const names = Object.fromEntries(outputs.map((name) => [name, { name: `${name}:0` }]));
  return { json: { ...model, signature: { outputs: names } }, bytes: tf.bytes() };
}

const pixels = (() => {
  const random = randomNumbers(9);
  return Float32Array.from({ length: 3 * H * W }, () => (random() + 1) / 2);
})();

/** NanoDet's own preparation: BGR 0..255, less the mean, over the deviation. */
function prepared(rgb: Float32Array): Float32Array {
  const mean = [103.53, 116.28, 123.675];
  const std = [57.375, 57.12, 58.395];
  return Float32Array.from(rgb, (_, i) => {
    const [c, cell] = [Math.floor(i / (H * W)), i % (H * W)];
    return (rgb[(2 - c) * H * W + cell]! * 255 - mean[c]!) / std[c]!;
  });
}

test("boxes in pixels and probabilities from RGB 0..1 equal NanoDet's decoding of its own outputs", async () => {
  const { json, bytes } = tinyNanodet();
  const raw = readTfjs(json, bytes);
  const outputs = [...(await runOnnx(raw, [1, 3, H, W], prepared(pixels))).values()];
  const restored = restoreNanodet(raw, { names: ["cat", "dog"], metadata: { license: "Apache-2.0" } });
  const found = await runTyped(restored, [1, 3, H, W], pixels);
  const cells = (stride: number): number => (H / stride) * (W / stride);
  const A = cells(8) + cells(16);
  expect(found.dims).toEqual([1, 4 + CLASSES, A]);

  let at = 0;
  for (const [level, stride] of [
    [1, 8],
    [0, 16],
  ] as const) {
    const [scores, sides] = [outputs[2 * level]!.data, outputs[2 * level + 1]!.data];
    for (let cell = 0; cell < cells(stride); cell++, at++) {
      const distances = [0, 1, 2, 3].map((side) => {
        const logits = sides.slice(cell * 4 * BINS + side * BINS, cell * 4 * BINS + (side + 1) * BINS);
        const shares = [...logits].map(Math.exp);
        const whole = shares.reduce((a, b) => a + b);
        return shares.reduce((sum, share, bin) => sum + (bin * share) / whole, 0) * stride;
      });
      const [left, top, right, bottom] = distances as [number, number, number, number];
      const x = ((cell % (W / stride)) + 0.5) * stride;
      const y = (Math.floor(cell / (W / stride)) + 0.5) * stride;
      const expected = [x + (right - left) / 2, y + (bottom - top) / 2, left + right, top + bottom];
      for (const [row, value] of expected.entries()) expect(found.data[row * A + at]).toBeCloseTo(value, 3);
      for (let k = 0; k < CLASSES; k++) {
        expect(found.data[(4 + k) * A + at]).toBeCloseTo(scores[cell * CLASSES + k]!, 4);
      }
    }
  }
  expect(at).toBe(A);
});

test("the file's names stay, stride and class names are in the metadata, and several images go through at once", async () => {
  const { json, bytes } = tinyNanodet();
  const model = restoreNanodet(readTfjs(json, bytes), { names: ["cat", "dog"], metadata: { license: "Apache-2.0" } });
  expect(Object.fromEntries(model.metadata)).toEqual({
    stride: "16",
    names: "{0: 'cat', 1: 'dog'}",
    license: "Apache-2.0",
  });
  const convolutions = model.graph.nodes.filter(({ opType }) => opType === "Conv").map(({ outputs }) => outputs[0]);
  expect(convolutions).toEqual(expect.arrayContaining(["level8", "level16"]));
  expect(model.graph.inputs).toEqual([{ name: "images", elemType: 1, shape: ["batch", 3, H, W] }]);
  const one = await runTyped(model, [1, 3, H, W], pixels);
  const two = await runTyped(model, [2, 3, H, W], Float32Array.from([...pixels, ...pixels]));
  expect(two.dims[0]).toBe(2);
  expect(two.data.slice(one.data.length)).toEqual(one.data);
});

describe("refused", () => {
  test.each([
    ["it needs one input [1, 3, h, w] of fixed size", { channels: 1 }],
    ["comes from Tanh, expected a half of a convolution", { sigmoid: false }],
    ["no half of a convolution's classes and box sides", { sides: 6 }],
  ])("%s", (message, change) => {
    const { json, bytes } = tinyNanodet(change);
    expect(() => restoreNanodet(readTfjs(json, bytes))).toThrow(
      expect.objectContaining({ code: "unsupported-model", message: expect.stringContaining(message) }),
    );
  });

  test("rows that are no grid, and a class map without its boxes", () => {
    const { json, bytes } = tinyNanodet();
    const model = readTfjs(json, bytes);
    const [scores, sides, ...rest] = model.graph.outputs;
    const strange = [scores, sides].map((output) => ({ ...output!, shape: [1, 7, output!.shape![2]!] }));
    const graph = { ...model.graph, outputs: [...strange, ...rest] };
    expect(() => restoreNanodet({ ...model, graph })).toThrow("7 rows are no grid on 64 × 32 pixels");
    const alone = { ...model.graph, outputs: [sides!] };
    expect(() => restoreNanodet({ ...model, graph: alone })).toThrow("1 outputs with 0 class maps");
  });

  test("another number of names", () => {
    const { json, bytes } = tinyNanodet();
    expect(() => restoreNanodet(readTfjs(json, bytes), { names: ["cat"] })).toThrow(
      expect.objectContaining({ code: "usage", message: "The model has 2 classes, but 1 names were given." }),
    );
  });
});
