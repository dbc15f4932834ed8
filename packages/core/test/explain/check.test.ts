import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CheckImage } from "../../src/explain/check/check-options.js";
import { type CheckedMap, type CheckResult, checkControl } from "../../src/explain/check/check-result.js";
import { weightStages } from "../../src/explain/check/stages.js";
import type { CoreDetector } from "../../src/explain/create-detector.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import type { RuntimePort } from "../../src/runtime/port.js";
import { countingPort, makeImage, miniDetector, tameModel } from "../support/mini-detector.js";

const images = [3, 4, 5, 6, 7].map((seed): CheckImage => ({ name: `${seed}`, open: async () => makeImage(seed) }));

/** The port, and the number of its sessions that are open now and were at most. */
function watchedPort(): RuntimePort & { readonly open: { now: number; most: number } } {
  const port = countingPort();
  const open = { now: 0, most: 0 };
  return {
    ...port,
    open,
    createSession: async (model, options) => {
      const session = await port.createSession(model, options);
      open.most = Math.max(open.most, ++open.now);
      return {
        ...session,
        run: (feeds, outputs) => session.run(feeds, outputs),
        release: async () => {
          open.now--;
          await session.release();
        },
      };
    },
  };
}

describe("the check of a tiny network", () => {
  const port = watchedPort();
  let detector: CoreDetector;
  let result: CheckResult;
  const progress: { done: number; total: number }[] = [];
  beforeAll(async () => {
    detector = await miniDetector({}, tameModel(1), port);
    result = await detector.check(images, {
      ...{ methods: ["GradCAM", "EigenCAM", "RandomCAM"], confidence: 0.01, limit: 6 },
      onProgress: (state) => progress.push(state),
    });
  });
  afterAll(() => detector.dispose());

  const mapsOf = (method: string): CheckedMap[] => result.maps.filter((map) => map.method === method);

  it("takes one detection of each image, and then a second one of some", () => {
    const { detections } = result;
    expect(detections).toHaveLength(6);
    expect(new Set(detections.map(({ image }) => image)).size).toBe(5);
    expect(result.images).toEqual({ checked: images.map(({ name }) => name), empty: [], failures: [] });
    for (const { className, otherClass } of detections) expect(otherClass).not.toBe(className);
  });

  it("finds the same bits for the same call", () => {
    for (const map of result.maps) expect(map.repeated).toBe(true);
  });

  it("Grad-CAM depends on the weights, the class and the box", () => {
    const maps = mapsOf("GradCAM");
    expect(maps).toHaveLength(6);
    for (const map of maps) expect(map.weights).toHaveLength(result.stages.length);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(maps.map(({ weights }) => weights.at(-1)!.beyondBox))).toBeLessThan(0.5);
    expect(maps.filter(({ classSwap }) => classSwap! < 0.99).length).toBeGreaterThan(1);
  });

  it("the Gaussian at the box depends on the box alone", () => {
    for (const map of mapsOf(checkControl)) {
      expect(map).toMatchObject({ noise: 1, seed: undefined, classSwap: 1 });
      for (const stage of map.weights) expect(stage).toEqual({ image: 1, beyondBox: 1, hasHeat: true });
      if (map.boxSwap !== undefined) expect(map.boxSwap).toBeLessThan(1);
    }
    expect(mapsOf(checkControl)).toHaveLength(6);
  });

  it("Eigen-CAM does not depend on the class, but for its sign; random weights of channels depend on the seed", () => {
    for (const { classSwap } of mapsOf("EigenCAM")) expect(classSwap! > 0.999 || classSwap! < 0).toBe(true);
    for (const { classSwap, seed } of mapsOf("RandomCAM")) {
      expect(classSwap).toBe(1);
      expect(seed).toBeLessThan(0.99);
    }
  });

  it("counts the maps, and keeps the sessions of one method at a time", () => {
    expect(progress[0]).toMatchObject({ done: 0 });
    expect(progress.at(-1)!.done).toBe(progress.at(-1)!.total);
    expect(port.open.most).toBeLessThan(8);
    // The detector itself has no session yet.
    expect(port.open.now).toBe(0);
  });

  it("gives the same figures for the same seed, and others for another", async () => {
    const options = { methods: ["GradCAM"], confidence: 0.01, limit: 2 };
    const [one, again] = [await detector.check(images, options), await detector.check(images, options)];
    expect(again).toEqual(one);
    const other = await detector.check(images, { ...options, seed: 1 });
    expect(other.maps).not.toEqual(one.maps);
  });

  it("stops when it is aborted, and refuses what it cannot check", async () => {
    const abort = new AbortController();
    const stopped = detector.check(images, {
      ...{ methods: ["GradCAM"], confidence: 0.01, signal: abort.signal },
      onProgress: ({ done }) => done === 2 && abort.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    expect(port.open.now).toBe(0);
    await expect(detector.check(images, { methods: ["GradCAN"] })).rejects.toMatchObject({ code: "usage" });
    await expect(detector.check(images, { limit: 0 })).rejects.toMatchObject({ code: "usage" });
    await expect(detector.check(images, { confidence: 1 })).rejects.toMatchObject({
      code: "bad-input",
      message: expect.stringMatching(/^None of 5 images has a detection/),
    });
  });
});

describe("the stages of random weights", () => {
  it("go from the head down", async () => {
    const loaded = await loadModel(readModel(encodeModel(tameModel())), countingPort(), {});
    const stages = weightStages(loaded);
    if (typeof stages === "string") throw new Error(stages);
    expect(stages.map(({ name }) => name)).toEqual(["head", "1/3", "2/3", "all"]);
    const [head, third] = stages.map(({ weights }) => [...weights]);
    expect(head!.every((name) => name.startsWith("model.24."))).toBe(true);
    expect(stages[0]!.ops).toBe(3);
    const modules = third!
      .filter((name) => !head!.includes(name))
      .map((name) => Number(/^model\.(\d+)\./.exec(name)![1]));
    expect(Math.max(...modules)).toBe(23);
    expect(Math.min(...modules)).toBeGreaterThan(8);
    for (let i = 1; i < stages.length; i++) {
      for (const name of stages[i - 1]!.weights) expect(stages[i]!.weights.has(name)).toBe(true);
    }
    const all = [...loaded.model.graph.initializers.keys()].filter((name) => /^model\..*\.(weight|bias)$/.test(name));
    expect([...stages.at(-1)!.weights].toSorted()).toEqual(all.toSorted());
  });

  it("are refused for a file that gives only its boxes", async () => {
    const file = new URL("../../../../fixtures/black-box/faster-rcnn.onnx.gz", import.meta.url);
    const loaded = await loadModel(readModel(gunzipSync(readFileSync(file))), countingPort(), {});
    expect(weightStages(loaded)).toMatch(/gives only the boxes that it selected/);
  });
});
