import { afterEach, describe, expect, it } from "vitest";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import type { CoreDetector } from "../../src/explain/create-detector.js";
import type { CreateDetectorOptions } from "../../src/explain/model/create-options.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import type { MethodId } from "../../src/methods/method-id.js";
import type { RuntimePort, RuntimeTensor } from "../../src/runtime/port.js";
import { countingPort, MINI_SIZE, makeImage, miniDetector, tameModel } from "../support/mini-detector.js";

const size = { imageSize: MINI_SIZE };
const quick: ExplainOptions = { ...size, method: "GradCAM", per: "detection" };

/** A port that knows which tensors of the forward session are alive. */
function watchedPort() {
  const port = countingPort();
  const alive = new Set<RuntimeTensor>();
  const watched = (tensor: RuntimeTensor): RuntimeTensor => {
    const { dispose } = tensor;
    alive.add(tensor);
    return Object.assign(tensor, {
      dispose: () => {
        alive.delete(tensor);
        dispose();
      },
    });
  };
  const createSession: RuntimePort["createSession"] = async (model, options) => {
    const session = await port.createSession(model, options);
    const run: typeof session.run = async (feeds, outputs) => {
      const results = await session.run(feeds, outputs);
      if (feeds.images !== undefined) for (const tensor of new Set(Object.values(results))) watched(tensor);
      return results;
    };
    return { ...session, run };
  };
  return { ...port, alive, createSession };
}

const open: CoreDetector[] = [];
afterEach(() => Promise.all(open.splice(0).map((detector) => detector.dispose())));

async function opened(options: CreateDetectorOptions = { keepForward: true }) {
  const port = watchedPort();
  const detector = await miniDetector(options, tameModel(), port);
  open.push(detector);
  return { detector, port, passes: () => port.counts.images };
}

describe("with keepForward", () => {
  it("one pass serves a detection and what was said to come next", async () => {
    const { detector, passes } = await opened();
    const image = makeImage();
    const { detections } = await detector.detect(image, { ...size, ahead: quick });
    const { maps, timings } = await detector.explain(image, quick);
    expect(passes()).toBe(1);
    expect(timings.forward).toBe(0);
    expect(maps.map((map) => map.detections)).toEqual(detections.map(({ index }) => [index]));
  });

  it("one pass serves a detection and several questions, as far as they are possible", async () => {
    const { detector, passes } = await opened();
    const image = makeImage();
    const fused = { ...quick, method: "tap-fusion" as const };
    await detector.detect(image, { ...size, ahead: [quick, { layer: 99 }, fused] });
    for (const next of [fused, quick]) expect((await detector.explain(image, next)).timings.forward).toBe(0);
    expect(passes()).toBe(1);
  });

  it.each<[method: string, samples?: number]>([
    ["GradCAM"],
    ["tap-fusion"],
    ["EigenCAM"],
    ["FullGrad"],
    ["AblationCAM"],
    ["ShapleyCAM"],
    ["D-RISE", 8],
    ["SmoothGrad", 2],
  ])("%s gives the same a second time, and as without", async (method, samples) => {
    const image = makeImage();
    const taken = samples === undefined ? {} : { samples };
    const asked: ExplainOptions = { ...size, ...taken, method: method as MethodId, per: "detection", detections: [0] };
    const plain = await (await opened({})).detector.explain(image, asked);
    const { detector } = await opened();
    const first = await detector.explain(image, asked);
    const second = await detector.explain(image, asked);
    expect(second.timings.forward).toBe(0);
    for (const { maps } of [first, second]) expect(maps[0]!.heatmap).toEqual(plain.maps[0]!.heatmap);
  });

  it("other thresholds take no other pass, and still count", async () => {
    const { detector, passes } = await opened();
    const image = makeImage();
    const all = (await detector.detect(image, size)).detections;
    const confidence = (all[0]!.confidence + all.at(-1)!.confidence) / 2;
    const { detections } = await detector.detect(image, { ...size, confidence });
    expect(passes()).toBe(1);
    expect(detections).toEqual(all.filter((one) => one.confidence >= confidence));
  });

  it("another image, another input size and values that are not there take another pass", async () => {
    const { detector, passes, port } = await opened();
    const image = makeImage();
    await detector.detect(image, size);
    await detector.detect(makeImage(4), size);
    expect(passes()).toBe(2);
    await detector.detect(image, size);
    await detector.detect(image, { imageSize: 64 });
    expect(passes()).toBe(4);
    const kept = port.alive.size;
    await detector.explain(image, { imageSize: 64, layer: 1 });
    expect(passes()).toBe(5);
    expect(port.alive.size).toBeGreaterThan(kept);
    // All that a detection needs is there.
    await detector.detect(image, { imageSize: 64 });
    expect(passes()).toBe(5);
  });

  it("passes of one image that are small stay beside one another", async () => {
    const { detector, passes, port } = await opened();
    const image = makeImage();
    const asked = [quick, { ...size, method: "LayerCAM", layer: 2 }, { ...size, method: "FullGrad" }] as const;
    for (const one of asked) await detector.explain(image, one);
    expect(passes()).toBe(3);
    for (const one of asked) expect((await detector.explain(image, one)).timings.forward).toBe(0);
    const before = port.alive.size;
    // Only what the newest image takes.
    await detector.detect(makeImage(4), size);
    expect(port.alive.size).toBeLessThan(before);
    expect(passes()).toBe(4);
  });

  it("questions about two images at once do not take each other's values", async () => {
    const { detector, port } = await opened();
    const images = [makeImage(3), makeImage(4), makeImage(3)];
    const together = await Promise.all(images.map((image) => detector.explain(image, quick)));
    for (const [i, { heatmap }] of together.entries()) {
      expect(heatmap).toEqual((await detector.explain(images[i]!, quick)).heatmap);
    }
    await detector.dispose();
    expect(port.alive.size).toBe(0);
  });

  it("nothing is left when the detector goes", async () => {
    const { detector, port } = await opened();
    await detector.explain(makeImage(), quick);
    expect(port.alive.size).toBeGreaterThan(0);
    await detector.dispose();
    expect(port.alive.size).toBe(0);
  });

  it("what cannot be asked next does not keep a detection from being made", async () => {
    const rules = defaultRules.filter(({ op }) => op !== "Sigmoid");
    const { detector } = await opened({ keepForward: true, rules });
    for (const ahead of [quick, { method: "nonsense" as MethodId }, { layer: 99 }]) {
      const { detections } = await detector.detect(makeImage(), { ...size, ahead });
      expect(detections.length).toBeGreaterThan(0);
      await expect(detector.explain(makeImage(), ahead)).rejects.toThrow();
    }
  });

  it("a question that is cancelled is not answered from what is kept", async () => {
    const { detector } = await opened();
    const image = makeImage();
    await detector.explain(image, quick);
    await expect(detector.explain(image, { ...quick, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
  });
});

it("without keepForward every question takes a pass, and nothing stays", async () => {
  const { detector, passes, port } = await opened({});
  const image = makeImage();
  await detector.detect(image, { ...size, ahead: quick });
  await detector.explain(image, quick);
  expect(passes()).toBe(2);
  expect(port.alive.size).toBe(0);
});
