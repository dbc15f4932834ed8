import { describe, expect, it } from "vitest";
import { combine, finishLayers, relu, scaleToUnit } from "../../src/explain/finish.js";
import { gradCam } from "../../src/methods/grad-cam.js";
import { defaultMethods, resolveMethod } from "../../src/methods/index.js";
import type { Map2D, Tensor } from "../../src/tensor/tensor.js";

const tensor = (dims: readonly number[], values: readonly number[]): Tensor => ({
  dims,
  data: Float32Array.from(values),
});
const map = (height: number, width: number, values: readonly number[]): Map2D => ({
  height,
  width,
  data: Float32Array.from(values),
});
const A = tensor([2, 2, 2], [1, -0.2, 0.5, 2, 0, 0.3, -0.1, 0.7]);
const G = tensor([2, 2, 2], [0.1, 0, -0.2, 0.4, -0.3, 0.2, 0, 0.1]);

function expectClose(found: ArrayLike<number>, wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(1e-6);
}

describe("Grad-CAM", () => {
  it("gives the golden vector", async () => {
    expectClose((await gradCam.map({ activations: A, gradients: G })).data, [0.075, -0.015, 0.0375, 0.15]);
  });

  it("finishes it to the golden heatmap", async () => {
    const raw = await gradCam.map({ activations: A, gradients: G });
    const rows = [
      0.5, 0.375, 0.125, 0, 0.4375, 0.390625, 0.296875, 0.25, 0.3125, 0.421875, 0.640625, 0.75, 0.25, 0.4375, 0.8125, 1,
    ];
    expectClose(finishLayers([raw], [4, 4]).data, rows);
  });
});

describe("finishing", () => {
  it("drops negative values and NaN", () => {
    expectClose(relu(map(1, 3, [-1, Number.NaN, 2])).data, [0, 0, 2]);
  });

  it("makes zeros of constant and of zero maps, never NaN", () => {
    expectClose(scaleToUnit(map(1, 3, [5, 5, 5])).data, [0, 0, 0]);
    expectClose(finishLayers([map(1, 2, [0, 0])], [2, 2]).data, [0, 0, 0, 0]);
    expectClose(combine([map(1, 2, [0, 0])]).data, [0, 0]);
  });

  it("averages layers, each scaled on its own, and adds parts over their maximum", () => {
    expectClose(finishLayers([map(1, 3, [0, 10, 5]), map(1, 3, [0, 0, 1])], [1, 3]).data, [0, 2 / 3, 1]);
    expectClose(finishLayers([map(1, 2, [0, 10]), map(1, 2, [0, 1])], [1, 2]).data, [0, 1]);
    expectClose(combine([map(1, 2, [1, 0]), map(1, 2, [1, 0.5])]).data, [1, 0.25]);
  });
});

describe.each(defaultMethods)("method $id", (method) => {
  const [C, H, W] = [3, 2, 5];
  const ramp = tensor(
    [C, H, W],
    Array.from({ length: C * H * W }, (_, i) => i - 7),
  );
  const zeros = tensor([C, H, W], Array(C * H * W).fill(0));

  it("is finite, of the layer's size, and leaves its evidence alone", async () => {
    for (const [activations, gradients] of [
      [ramp, zeros],
      [zeros, ramp],
      [ramp, ramp],
    ] as const) {
      const before = [activations.data.slice(), gradients.data.slice()];
      const { height, width, data } = await method.map({ activations, gradients });
      expect([height, width, data.length]).toEqual([H, W, H * W]);
      expect(data.every(Number.isFinite)).toBe(true);
      expect([activations.data, gradients.data]).toEqual(before);
    }
    const cell = tensor([1, 1, 1], [2]);
    expect((await method.map({ activations: cell, gradients: cell })).data).toHaveLength(1);
  });

  it("is found by its id and aliases", () => {
    for (const name of [method.id, method.id.toUpperCase(), ...(method.aliases ?? [])])
      expect(resolveMethod(name)).toBe(method);
  });
});

it("refuses two methods of one name", () => {
  expect(() => resolveMethod("GradCAM", [gradCam, { ...gradCam, id: "grad cam" }])).toThrow(/Two methods/);
});
