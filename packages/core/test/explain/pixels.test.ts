import { describe, expect, it } from "vitest";
import { openBiases, openPixels } from "../../src/explain/evidence/pixels.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { gradientsOf } from "../../src/explain/passes/gradients.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import { sumGradients } from "../../src/explain/passes/seeds.js";
import { biasLayers, inputLayer } from "../../src/explain/plan/network-layers.js";
import { planTaps } from "../../src/explain/plan/tap-plan.js";
import { scoreOf } from "../../src/explain/targets/detection-score.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { floatsOf } from "../../src/onnx/tensors.js";
import { resolveScore } from "../../src/scores/index.js";
import { fixedModel, MINI_SIZE, type MiniPass, openPass, tameModel } from "../support/mini-detector.js";
import { openGraph, runGraph } from "../support/ort.js";
import { scoreOn } from "../support/plain-scores.js";
import { randomSource } from "../support/random.js";
import { dot } from "../support/tensors.js";

const options = { topk: 10 };
const everything = (loaded: LoadedModel) => [inputLayer(loaded), ...biasLayers(loaded, { masks: false })];

const jobOf = ({ loaded, plan, session }: MiniPass) => {
  return { loaded, plan: { main: plan, forward: session }, options, signal: undefined };
};

function entriesOf({ loaded, forward, detections }: MiniPass, id: string, count = 3) {
  return detections
    .slice(0, count)
    .map((detection) => scoreOf(loaded, { scene: forward, score: resolveScore(id), detection, options }));
}

describe("openPixels", () => {
  it.each(["row", "class_sum", "row_logit"])(
    "%s: the gradient at the image, and elsewhere, equals differences",
    async (id) => {
      const pass = await openPass({ layers: ["input"], activations: false });
      const { loaded, forward, detections } = pass;
      const pixels = openPixels(jobOf(pass), forward, entriesOf(pass, id));
      expect(pixels.input).toEqual({ dims: [3, ...MINI_SIZE], data: forward.input });
      const { output } = loaded.head;
      const graph = await openGraph(buildPrefix(tameModel(), [output]).graph);
      const scoreAt = async (data: Float32Array) => {
        const [found] = await graph.run({ images: { dims: [1, 3, ...MINI_SIZE], data } }, [output]);
        const { rows, columns } = forward.predictions;
        return scoreOn(resolveScore(id), { rows, columns, data: found!.data }, detections.slice(0, 3), options);
      };
      const random = randomSource(6);
      const other = forward.input.map((value) => 0.7 * value + 0.2 * random());
      for (const input of [forward.input, other]) {
        const { score, gradient } = await pixels.gradientAt(input);
        expect(score).toBeCloseTo(await scoreAt(input), 4);
        if (input === forward.input) expect(score).toBeCloseTo(pixels.score, 4);
        expect(gradient.dims).toEqual([3, ...MINI_SIZE]);
        // Along the gradient itself, where the derivative stands out from rounding, and along noise.
        const size = Math.sqrt(dot(gradient.data, gradient.data));
        const noise = gradient.data.map(() => 2 * random() - 1);
        for (const tangent of [gradient.data.map((g) => (8 * g) / size), noise]) {
          const along = (h: number) => scoreAt(input.map((value, i) => value + h * tangent[i]!));
          const h = 0.02;
          const slope =
            (8 * ((await along(h)) - (await along(-h))) - (await along(2 * h)) + (await along(-2 * h))) / (12 * h);
          expect(Math.abs(dot(gradient.data, tangent) - slope)).toBeLessThan(0.01 * size * 8 + 1e-4);
        }
      }
      await Promise.all([graph.release(), loaded.sessions.dispose()]);
    },
  );

  it("leaves the given input as it is, and stands in for terms that are missing", async () => {
    const pass = await openPass({ layers: ["input"], activations: false });
    const { loaded, forward } = pass;
    const entries = entriesOf(pass, "class");
    const pixels = openPixels(jobOf(pass), forward, entries);
    const black = new Float32Array(forward.input.length);
    const { score } = await pixels.gradientAt(black);
    expect(black.every((value) => value === 0)).toBe(true);
    expect(Number.isFinite(score)).toBe(true);
    const nothing = entries.map((entry) => ({ ...entry, result: { ...entry.result, terms: [null] } }));
    expect(openPixels(jobOf(pass), forward, nothing).score).toBe(3 * Math.log(1e-7));
    await loaded.sessions.dispose();
  });
});

describe("openBiases", () => {
  it("gives every convolution with a bias in the order of execution, with the gradient of its own output", async () => {
    const pass = await openPass({ more: everything, activations: false });
    const { loaded, forward } = pass;
    const entries = entriesOf(pass, "row", 6);
    expect(new Set(entries.flatMap(({ levels }) => levels))).toEqual(new Set([1, 2]));
    const biases = await openBiases(jobOf(pass), forward, entries);
    const found = [];
    for await (const layer of biases.layers) found.push(layer);

    const order = loaded.model.graph.nodes.filter((node) => node.opType === "Conv");
    // P3 carries none of the score, so its prediction convolution has no gradient.
    const wanted = order.filter((node) => node.name !== "/model.24/m.0/Conv");
    expect(found.map(({ name }) => name)).toEqual(wanted.map((node) => node.name));
    for (const [i, { bias, gradient }] of found.entries()) {
      expect(bias).toEqual(floatsOf(loaded.model.graph.initializers.get(wanted[i]!.inputs[2]!)!));
      expect(gradient.dims[0]).toBe(bias.length);
    }
    let total = dot(biases.input.data, biases.inputGradient.data);
    for (const { bias, gradient } of found) {
      const cells = gradient.data.length / bias.length;
      gradient.data.forEach((value, i) => {
        total += value * bias[Math.floor(i / cells)]!;
      });
    }
    expect(Number.isFinite(total)).toBe(true);
    expect(total).not.toBe(0);
    await loaded.sessions.dispose();
  });

  it("pairs them right: each gradient is that of the layer alone", async () => {
    const pass = await openPass({ more: everything, activations: false });
    const entries = entriesOf(pass, "row", 6);
    const biases = await openBiases(jobOf(pass), pass.forward, entries);
    const names = ["/model.0/conv/Conv", "/model.9/cv1/conv/Conv", "/model.17/cv3/conv/Conv", "/model.24/m.2/Conv"];
    const results = entries.map(({ result }) => result);
    let seen = 0;
    for await (const { name, gradient } of biases.layers) {
      if (!names.includes(name)) continue;
      seen++;
      const layer = biasLayers(pass.loaded, { masks: false }).find((one) => one.name === name)!;
      const alone = await openPass({ more: () => [layer], activations: false });
      const request = { layers: [layer], results, levels: [1, 2] };
      const [single] = await gradientsOf(alone.loaded, {
        ...{ forward: alone.forward, plan: alone.plan, requests: [request], signal: undefined },
      });
      const wanted = single!.get(layer.value)!;
      expect(gradient.dims).toEqual(wanted.dims);
      expect(Math.max(...wanted.data.map(Math.abs))).toBeGreaterThan(1e-6);
      gradient.data.forEach((value, i) => {
        expect(Math.abs(value - wanted.data[i]!)).toBeLessThan(1e-6);
      });
      await alone.loaded.sessions.dispose();
    }
    expect(seen).toBe(names.length);
    await pass.loaded.sessions.dispose();
  });

  it("adds up to the score's own linear part: a bias moved by a little moves the score by its gradients' sum", async () => {
    const pass = await openPass({ more: everything, activations: false });
    const entries = entriesOf(pass, "row");
    const biases = await openBiases(jobOf(pass), pass.forward, entries);
    const { output } = pass.loaded.head;
    const { rows, columns } = pass.forward.predictions;
    const scoreWith = async (bias: string, step: number) => {
      const model = tameModel();
      const initializers = new Map(model.graph.initializers);
      const own = initializers.get(bias)!;
      const moved = floatsOf(own).map((value, c) => value + (c === 1 ? step : 0));
      initializers.set(bias, { ...own, bytes: new Uint8Array(moved.buffer) });
      const images = { dims: [1, 3, ...MINI_SIZE], data: pass.forward.input };
      const [found] = await runGraph(
        buildPrefix({ ...model, graph: { ...model.graph, initializers } }, [output]).graph,
        { images },
        [output],
      );
      return scoreOn(resolveScore("row"), { rows, columns, data: found!.data }, pass.detections.slice(0, 3), options);
    };
    for await (const { name, gradient } of biases.layers) {
      if (!["/model.0/conv/Conv", "/model.13/cv1/conv/Conv"].includes(name)) continue;
      const { bias } = biasLayers(pass.loaded, { masks: false }).find((layer) => layer.name === name)!;
      const cells = gradient.data.length / gradient.dims[0]!;
      const own = gradient.data.subarray(cells, 2 * cells).reduce((sum, value) => sum + value, 0);
      const h = 0.02;
      const slope = ((await scoreWith(bias, h)) - (await scoreWith(bias, -h))) / (2 * h);
      expect(Math.abs(own - slope)).toBeLessThan(0.02 * Math.abs(slope) + 2e-5);
    }
    await pass.loaded.sessions.dispose();
  });

  it("has no layer, and zeros at the image, where there is no score or no bias", async () => {
    const pass = await openPass({ more: everything, activations: false });
    const none = await openBiases(jobOf(pass), pass.forward, []);
    for await (const layer of none.layers) expect.unreachable(layer.name);
    expect(none.inputGradient).toEqual({ dims: [3, ...MINI_SIZE], data: new Float32Array(3 * 64 * 96) });
    await pass.loaded.sessions.dispose();
    expect(biasLayers((await openPass({ model: fixedModel(), layers: [17] })).loaded, { masks: false })).toEqual([]);
  });
});

it("a backward run without seeds of its own levels gives no gradient", async () => {
  const pass = await openPass({ layers: [23] });
  const backward = pass.plan.backward({ layers: pass.layers, levels: [0] });
  expect(backward).toBeNull();
  expect(sumGradients([], 9).rows.size).toBe(0);
  const again = planTaps(pass.loaded, {
    ...{ layers: pass.layers, activations: true, gradients: true, manySeeds: false, tails: false },
  });
  expect(again.key).toBe(pass.plan.key);
  await expect(
    readFloats("x", await pass.loaded.runtime.upload("int64", [1], BigInt64Array.of(1n))),
  ).rejects.toMatchObject({
    ...{ code: "runtime", message: 'Output "x" is int64, expected float32.' },
  });
  await pass.loaded.sessions.dispose();
});
