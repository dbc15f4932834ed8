import { describe, expect, it } from "vitest";
import { curvatureOf } from "../../src/explain/evidence/tail.js";
import type { TailRequest } from "../../src/explain/evidence/tail-request.js";
import { runBackward } from "../../src/explain/passes/backward-run.js";
import { backwardFor } from "../../src/explain/passes/gradients.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import { sumGradients } from "../../src/explain/passes/seeds.js";
import { targetOf } from "../../src/explain/targets/detection-score.js";
import { evaluateScore, resolveScore } from "../../src/scores/index.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { MINI_SIZE, type MiniPass, makeImage, miniDetector, openPass } from "../support/mini-detector.js";

async function requestOf(pass: MiniPass, id: string, row: number): Promise<TailRequest> {
  const { loaded, forward, plan, layers, detections } = pass;
  const { dims, data } = await readFloats(layers[0]!.value, forward.tensors[layers[0]!.value]!);
  return {
    ...{ loaded, forward, plan, tail: plan.tail(layers[0]!), score: resolveScore(id), signal: undefined },
    ...{ activations: { dims: dims.slice(1), data }, detections: [detections[row]!], options: { topk: 10 } },
  };
}

/** d score / d activations when the layer gives `activations` instead: tail and backward pass from there. */
async function gradientAt(request: TailRequest, activations: Float32Array): Promise<Float32Array> {
  const { loaded, forward, plan, tail, score, detections, options } = request;
  const backward = backwardFor(loaded, plan, { layers: [tail.layer], levels: new Set([0, 1, 2]), masks: false })!;
  const session = await loaded.sessions.get("test", () => tail.model.model);
  const tap = await loaded.runtime.upload("float32", [1, ...request.activations.dims], activations);
  const crossing = Object.fromEntries(tail.crossing.map((name) => [name, forward.tensors[name]!]));
  const results = await session.run({ ...crossing, [tail.layer.value]: tap }, [
    ...new Set([...tail.outputs, ...tail.saved]),
  ]);
  const { rows, columns } = forward.predictions;
  const data = forward.predictions.data.slice();
  for (const [i, level] of tail.levels.entries()) {
    const own = await readFloats(tail.outputs[i]!, results[tail.outputs[i]!]!);
    data.set(own.data, loaded.head.rowRange(level, MINI_SIZE)[0] * columns);
  }
  const result = evaluateScore(
    score,
    { rows, columns, data },
    detections.map((detection) => targetOf(detection, score, forward)),
    options,
  );
  const changed = { ...results, [tail.layer.value]: tap };
  const seed = sumGradients([result], columns);
  const found = await runBackward(loaded, { forward, changed, backward, seeds: [seed], signal: undefined });
  return (await readFloats("gradient", found.get(tail.layer.value)!)).data;
}

const norm = (values: ArrayLike<number>) => Math.sqrt(Array.from(values).reduce((sum, v) => sum + v * v, 0));

/** Differences of the whole gradient, everything moving. */
async function bruteForce(request: TailRequest): Promise<Float64Array> {
  const { data } = request.activations;
  const h = 0.01;
  const at = (step: number) =>
    gradientAt(
      request,
      data.map((value) => value * (1 + step * h)),
    );
  const [p1, m1, p2, m2] = [await at(1), await at(-1), await at(2), await at(-2)];
  return Float64Array.from(data, (_, i) => (8 * (p1[i]! - m1[i]!) - (p2[i]! - m2[i]!)) / (12 * h));
}

describe("curvatureOf", () => {
  // Scores without IoU: nothing that has a tie or a kink.
  it.each(["row", "row_logit", "finer", "class_sum"])(
    "%s: the Hessian times the activations, by brute force",
    async (id) => {
      const pass = await openPass({ layers: [17], tails: true });
      for (const row of [0, 3]) {
        const request = await requestOf(pass, id, row);
        const found: Tensor = await curvatureOf(request);
        const wanted = await bruteForce(request);
        expect(found.dims).toEqual(request.activations.dims);
        expect(norm(wanted)).toBeGreaterThan(1e-4);
        expect(norm(wanted.map((value, i) => value - found.data[i]!)) / norm(wanted)).toBeLessThan(5e-3);
      }
      await pass.loaded.sessions.dispose();
    },
  );

  it("is zero where no path leads to the score's rows", async () => {
    const pass = await openPass({ layers: [23], tails: true });
    const fine = pass.detections.findIndex((detection) => detection.level < 2);
    const found = await curvatureOf(await requestOf(pass, "row", fine));
    expect(found.data.every((value) => value === 0)).toBe(true);
    await pass.loaded.sessions.dispose();
  });

  it.each([6, 8, 9, [6, 9, 17]])(
    "is the same for an image of one detection and for each detection, at %j",
    async (layer) => {
      const detector = await miniDetector();
      const options = { method: "ShapleyCAM", imageSize: MINI_SIZE, maxDetections: 1, layer } as const;
      const whole = await detector.explain(makeImage(), options);
      const each = await detector.explain(makeImage(), { ...options, per: "detection", backprop: ["class"] });
      expect(whole.layers.every(({ gradientMax }) => gradientMax! > 0)).toBe(true);
      expect(each.maps).toHaveLength(1);
      each.heatmap.data.forEach((value, i) => {
        expect(Math.abs(value - whole.heatmap.data[i]!)).toBeLessThan(1e-3);
      });
      await detector.dispose();
    },
  );

  it("does not mix up the tails of a pass for one and of a pass for many", async () => {
    const detector = await miniDetector();
    const options = { method: "ShapleyCAM", imageSize: MINI_SIZE, maxDetections: 2, layer: 8 } as const;
    for (const per of ["detection", "image", "detection"] as const) {
      expect((await detector.explain(makeImage(), { ...options, per })).layers[0]!.gradientMax).toBeGreaterThan(0);
    }
    await detector.dispose();
  });
});
