import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { isKeepingNothing, keepsNothing } from "../../src/keeps-nothing.js";
import { gradCam } from "../../src/methods/grad-cam.js";
import { type AnyCamMethod, defaultMethods } from "../../src/methods/index.js";
import type { CamMethod } from "../../src/methods/method.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { defaultScores, resolveScore } from "../../src/scores/index.js";
import { rowScore } from "../../src/scores/row.js";
import type { Score } from "../../src/scores/score.js";
import type { ScoreId } from "../../src/scores/score-id.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { MINI_SIZE, makeImage, miniDetector, tameModel } from "../support/mini-detector.js";

const size = { imageSize: MINI_SIZE, maxDetections: 2 };

/** A port that frees memory at once, as the Node package's does. */
function freeingPort() {
  const freed: ArrayBuffer[] = [];
  const release = (buffer: ArrayBuffer) => {
    freed.push(buffer);
    structuredClone(buffer, { transfer: [buffer] });
  };
  return { freed, port: createOrtPort(ort as never, { release }) };
}

/** Keeps what it is given, and returns a view into it. */
function keeper() {
  const kept: Tensor[] = [];
  const method: CamMethod<"activations"> = {
    ...{ id: "keeper", title: "", paper: "", needs: ["activations"] },
    map({ activations }) {
      kept.push(activations);
      const [, height, width] = activations.dims as [number, number, number];
      return { height, width, data: activations.data.subarray(0, height * width) };
    },
  };
  return { kept, method: method as AnyCamMethod };
}

describe("the memory of a forward pass", () => {
  it("is freed after methods and scores that keep nothing", async () => {
    const { freed, port } = freeingPort();
    const detector = await miniDetector({}, tameModel(), port);
    await detector.detect(makeImage(), size);
    // For each of the three levels: boxes and objectness, and the head input.
    expect(freed).toHaveLength(6);
    await detector.explain(makeImage(), { ...size, method: "GradCAM", layer: 17 });
    expect(freed.length).toBeGreaterThan(12);
    await detector.dispose();
  });

  it("is left alone for a method of the caller, during the call and after it", async () => {
    const { freed, port } = freeingPort();
    const { kept, method } = keeper();
    const detector = await miniDetector({ methods: [...defaultMethods, method] }, tameModel(), port);
    const asked = { ...size, method: "keeper" as MethodId, layer: 17, per: "detection" } as const;
    const first = await detector.explain(makeImage(3), asked);
    const values = kept[0]!.data.slice();
    expect(values.some((value) => value !== 0)).toBe(true);
    // Another image in the same scratch, and one that frees its own pass.
    await detector.explain(makeImage(4), asked);
    expect(freed).toEqual([]);
    await detector.explain(makeImage(5), { ...size, method: "GradCAM" });
    expect(freed.length).toBeGreaterThan(0);
    expect(kept[0]!.data).toEqual(values);
    // Made on first use, of maps that are views into the activations.
    expect(Math.max(...first.heatmap.data)).toBeCloseTo(1, 5);
    await detector.dispose();
  });

  it("is freed after a method of the caller that is declared to keep nothing", async () => {
    const { freed, port } = freeingPort();
    const { kept, method } = keeper();
    const detector = await miniDetector({ methods: [keepsNothing(method)] }, tameModel(), port);
    await detector.explain(makeImage(), { ...size, method: "keeper" as MethodId, layer: 17 });
    expect(freed.length).toBeGreaterThan(0);
    expect(kept[0]!.data).toHaveLength(0);
    await detector.dispose();
  });

  it("is left alone for a copy of a method that keeps nothing", async () => {
    const { freed, port } = freeingPort();
    const kept: Tensor[] = [];
    const method: AnyCamMethod = {
      ...gradCam,
      map(evidence) {
        kept.push(evidence.activations);
        return gradCam.map(evidence);
      },
    };
    const detector = await miniDetector({}, tameModel(), port);
    await detector.explain(makeImage(), { ...size, method, layer: 17 });
    expect(freed).toEqual([]);
    expect(kept[0]!.data.length).toBeGreaterThan(0);
    await detector.dispose();
  });

  it("is declared for the parts of a score", () => {
    expect(isKeepingNothing(resolveScore("keypoint:nose"))).toBe(true);
  });

  it("is left alone for a score of the caller", async () => {
    const { freed, port } = freeingPort();
    const kept: Float32Array[] = [];
    const score: Score = {
      ...rowScore,
      id: "own",
      aliases: [],
      of(view, target, options) {
        kept.push(view.predictions.data);
        return rowScore.of(view, target, options);
      },
    };
    const detector = await miniDetector({ scores: [...defaultScores, score] }, tameModel(), port);
    await detector.explain(makeImage(), { ...size, method: "GradCAM", backprop: ["own" as ScoreId] });
    expect(freed).toEqual([]);
    expect(kept[0]!.length).toBeGreaterThan(0);
    await detector.dispose();
  });

  it("is left alone while a kept pass has one user that may hold on to it", async () => {
    const { freed, port } = freeingPort();
    const { kept, method } = keeper();
    const methods = [...defaultMethods, method];
    const detector = await miniDetector({ methods, keepForward: true }, tameModel(), port);
    const image = makeImage();
    await detector.explain(image, { ...size, method: "GradCAM", layer: 17 });
    await detector.explain(image, { ...size, method: "keeper" as MethodId, layer: 17 });
    await detector.explain(image, { ...size, method: "GradCAM", layer: 17 });
    await detector.dispose();
    expect(freed).toEqual([]);
    expect(kept[0]!.data.length).toBeGreaterThan(0);
  });
});

it("every method and score of Whybox is declared to keep nothing", () => {
  expect([...defaultMethods, ...defaultScores].filter((one) => !isKeepingNothing(one))).toEqual([]);
});

it("no result changes when the next call uses the scratch", async () => {
  const { port } = freeingPort();
  const detector = await miniDetector({}, tameModel(), port);
  for (const options of [{}, { frames: "both" }, { scale: "common" }, { keepTopPercent: 30 }] as const) {
    const asked = { ...size, method: "GradCAM", per: "detection", ...options } as const;
    const result = await detector.explain(makeImage(3), asked);
    const copies = result.maps.map(({ heatmap }) => heatmap.data.slice());
    const inputs = result.maps.map(({ heatmapInput }) => heatmapInput?.data.slice());
    await detector.explain(makeImage(4), asked);
    expect(result.maps.map(({ heatmap }) => heatmap.data)).toEqual(copies);
    expect(result.maps.map(({ heatmapInput }) => heatmapInput?.data)).toEqual(inputs);
    // The map of the image is made only now, and later calls leave it alone.
    const { data } = result.heatmapInput;
    const image = data.slice();
    await detector.explain(makeImage(5), asked);
    expect(data).toEqual(image);
  }
  await detector.dispose();
});
