import { describe, expect, test } from "vitest";
import { restoreNanodet } from "../../src/readers/nanodet/restore-nanodet.js";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { BINS, CLASSES, H, tinyNanodet, W } from "./make-nanodet.js";
import { runOnnx, runTyped } from "./run-onnx.js";
import { randomNumbers } from "./tfjs-writer.js";

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
