import { describe, expect, it } from "vitest";
import { combine, finishLayers as finished, relu } from "../../src/explain/finish/finish-layers.js";
import { applied, scaledToUnit } from "../../src/explain/finish/finished-map.js";
import type { Size } from "../../src/image/frame.js";
import { gradCam } from "../../src/methods/grad-cam.js";
import { defaultMethods, resolveMethod } from "../../src/methods/index.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { evidenceOf, filled, goldenA, goldenG, tensor } from "./evidence.js";

const map = (height: number, width: number, values: readonly number[]): Map2D => ({
  height,
  width,
  data: Float32Array.from(values),
});

const finishLayers = (maps: readonly Map2D[], size: Size): Map2D => applied(finished(maps, { size }));

const golden = evidenceOf({ activations: goldenA, gradients: goldenG });

function expectClose(found: ArrayLike<number>, wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(1e-6);
}

describe("Grad-CAM", () => {
  it("gives the golden vector", async () => {
    expectClose((await gradCam.map(golden)).data, [0.075, -0.015, 0.0375, 0.15]);
  });

  it("finishes it to the golden heatmap", async () => {
    const raw = await gradCam.map(golden);
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
    expectClose(applied(scaledToUnit(map(1, 3, [5, 5, 5]))).data, [0, 0, 0]);
    expectClose(finishLayers([map(1, 2, [0, 0])], [2, 2]).data, [0, 0, 0, 0]);
    expectClose(combine([{ values: map(1, 2, [0, 0]) }]).data, [0, 0]);
  });

  it("averages layers, each scaled on its own, and adds parts over their maximum", () => {
    expectClose(finishLayers([map(1, 3, [0, 10, 5]), map(1, 3, [0, 0, 1])], [1, 3]).data, [0, 2 / 3, 1]);
    expectClose(finishLayers([map(1, 2, [0, 10]), map(1, 2, [0, 1])], [1, 2]).data, [0, 1]);
    expectClose(combine([{ values: map(1, 2, [1, 0]) }, { values: map(1, 2, [1, 0.5]) }]).data, [1, 0.25]);
  });
});

describe.each(defaultMethods)("method $id", (method) => {
  const [C, H, W] = [3, 2, 5];
  const ramp = tensor(
    [C, H, W],
    Array.from({ length: C * H * W }, (_, i) => i - 7),
  );
  const zeros = filled([C, H, W], 0);
  const constant = filled([C, H, W], 2);
  const cell = tensor([1, 1, 1], [2]);
  const flat = { height: H, width: W, data: new Float32Array(H * W) };

  it.each([
    ["zero gradients", { activations: ramp, gradients: zeros }],
    ["zero activations", { activations: zeros, gradients: ramp }],
    ["negative activations and gradients", { activations: ramp, gradients: ramp, curvature: ramp }],
    ["constant maps", { activations: constant, gradients: constant }],
    ["a detector that sees nothing", { activations: ramp, gradients: ramp, scoreMap: flat, places: [] }],
    ["one cell", { activations: cell, gradients: cell }],
  ])("is finite for %s, and leaves its evidence alone", async (_, given) => {
    for (const compat of [false, true]) {
      const before = [given.activations.data.slice(), given.gradients.data.slice()];
      const evidence = evidenceOf({ ...given, compat });
      const { height, width, data } = await method.map(evidence);
      expect(data.length).toBe(height * width);
      expect(data.every(Number.isFinite)).toBe(true);
      const arrays = [evidence.activations, evidence.gradients, evidence.curvature, evidence.guidedGradients];
      expect(arrays.some((one) => one.data.buffer === data.buffer)).toBe(false);
      expect([given.activations.data, given.gradients.data]).toEqual(before);
    }
  });

  it("has channels, if it has them, that add up to its map", async () => {
    if (!method.channels) return;
    const evidence = evidenceOf({ activations: ramp, gradients: ramp, curvature: ramp });
    const { dims, data } = await method.channels(evidence);
    expect(dims).toEqual([C, H, W]);
    const sums = Array.from({ length: H * W }, (_, i) => data[i]! + data[i + H * W]! + data[i + 2 * H * W]!);
    const map = await method.map(evidence);
    const largest = Math.max(...map.data.map(Math.abs), 1);
    for (const [i, sum] of sums.entries()) expect(Math.abs(map.data[i]! - sum)).toBeLessThan(1e-5 * largest);
  });

  it("is found by its id and aliases", () => {
    for (const name of [method.id, method.id.toUpperCase(), ...(method.aliases ?? [])])
      expect(resolveMethod(name)).toBe(method);
  });
});

it("refuses two methods of one name", () => {
  expect(() => resolveMethod("GradCAM", [gradCam, { ...gradCam, id: "grad cam" }])).toThrow(/Two methods/);
});
