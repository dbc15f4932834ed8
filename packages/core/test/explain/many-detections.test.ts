import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CoreDetector } from "../../src/explain/create-detector.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import type { ExplainResult } from "../../src/explain/result/result.js";
import { type MapParts, type ResultData, resultFrom, sendResult } from "../../src/explain/sent-result.js";
import { gradCamPlusPlus } from "../../src/methods/grad-cam-plus-plus.js";
import type { AnyCamMethod } from "../../src/methods/index.js";
import { countingPort, MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";

const MAX_BYTES = 2 ** 27;
const port = countingPort();
let detector: CoreDetector;
beforeAll(async () => {
  detector = await miniDetector({}, undefined, port);
});
afterAll(() => detector.dispose());

/** A model that fires everywhere: 1000 boxes. All their heatmaps together have 230 MB. */
const everywhere = { confidence: 0, iou: 1, imageSize: 160, maxDetections: 1000, per: "detection" } as const;
const image = makeImage(3, [240, 240]);
const explain = (options: ExplainOptions = {}) =>
  detector.explain(image, { ...everywhere, method: "GradCAM", layer: 17, ...options });

/** The size of every array that a result holds. */
function bytesOf(result: ExplainResult): { readonly all: number; readonly heatmaps: number } {
  const { data, transfer } = sendResult(result);
  const sizes = (data.maps as MapParts).maps.map(({ heatmap }) => heatmap?.data.byteLength ?? 0);
  return {
    all: transfer.reduce((sum, { byteLength }) => sum + byteLength, 0),
    heatmaps: sizes.reduce((sum, size) => sum + size, 0),
  };
}

describe("a model that fires everywhere", () => {
  it("gives a result of bounded size, and makes the other heatmaps when they are read", async () => {
    const result = await explain();
    expect(result.maps).toHaveLength(1000);
    const read = (i: number) => result.maps[i]!.heatmap;
    expect(read(999)).toMatchObject({ height: 240, width: 240 });
    expect(Math.max(...read(999).data)).toBeCloseTo(1, 5);
    // One that was read recently is the same array. After many others it is a new one with the same values.
    const last = read(999);
    expect(read(999)).toBe(last);
    for (let i = 0; i < 999; i++) expect(read(i).data.length).toBe(240 * 240);
    expect(read(999)).not.toBe(last);
    expect(read(999)).toEqual(last);
    const { all, heatmaps } = bytesOf(result);
    expect(heatmaps).toBeGreaterThan(MAX_BYTES - 240 * 240 * 4);
    expect(heatmaps).toBeLessThanOrEqual(MAX_BYTES);
    // The small maps.
    expect(all - heatmaps).toBeLessThan(MAX_BYTES / 8);
  });

  it("stops within a batch when it is aborted", async () => {
    const stopping = new AbortController();
    let [reported, total] = [0, 0];
    const onProgress: ExplainOptions["onProgress"] = (progress) => {
      ({ done: reported, total } = progress);
      if (reported >= 100) stopping.abort();
    };
    await expect(explain({ signal: stopping.signal, onProgress })).rejects.toMatchObject({ code: "aborted" });
    expect(total).toBe(2000);
    expect(reported).toBeLessThan(120);
  });

  it("holds the gradients of one run at a time", async () => {
    const runs: number[] = [];
    // It reads whole gradients.
    const method: AnyCamMethod = {
      ...gradCamPlusPlus,
      map(evidence) {
        runs.push(port.counts.runs);
        return gradCamPlusPlus.map(evidence);
      },
    };
    const before = port.counts.runs;
    await explain({ method, maxDetections: 32 });
    expect(runs).toHaveLength(32);
    // The first maps are made after the forward pass and one backward pass. Up to eight maps share a run.
    expect(runs[0]).toBe(before + 2);
    for (const run of new Set(runs)) expect(runs.filter((one) => one === run).length).toBeLessThanOrEqual(8);
  });
});

describe("a heatmap that is made when it is read", () => {
  const without = (data: ResultData): ResultData => {
    const { image: whole, maps } = data.maps as MapParts;
    if ("finished" in whole) throw new Error("The map of the image is finished.");
    const parts: MapParts = {
      image: whole,
      maps: maps.map(({ heatmap, heatmapInput, ...about }) => about),
      separate: whole,
    };
    return { ...data, maps: parts };
  };

  it.each<ExplainOptions>([
    { method: "GradCAM" },
    { method: "LayerCAM", layer: [17, 9], scale: "common" },
    { method: "tap-fusion" },
    { method: "ODAM", frames: "both" },
    { method: "GradCAM", augSmooth: true },
    { method: "GradCAM", backprop: ["class", "confidence"], per: "class" },
  ])("has the same values: %j", async (options) => {
    const own = { imageSize: MINI_SIZE, maxDetections: 3, per: "detection", ...options } as const;
    const { data } = sendResult(await detector.explain(makeImage(), own));
    const [wanted, found] = [resultFrom(data), resultFrom(without(data))];
    expect(found.maps.length).toBeGreaterThan(0);
    expect(Object.keys(found.maps[0]!)).toEqual(Object.keys(wanted.maps[0]!));
    expect(found.maps).toEqual(wanted.maps);
    const { heatmap } = found.maps[0]!;
    expect(Math.max(...heatmap.data)).toBeGreaterThan(0);
  });

  it("is sent to another thread as the small maps that it is made from", async () => {
    const { data } = sendResult(
      await detector.explain(makeImage(), { imageSize: MINI_SIZE, maxDetections: 3, per: "detection" }),
    );
    const again = sendResult(resultFrom(without(data)));
    const there = structuredClone(again.data, { transfer: [...again.transfer] });
    const { maps, separate } = there.maps as MapParts;
    expect(maps.map(({ heatmap }) => heatmap)).toEqual([undefined, undefined, undefined]);
    expect(separate!.groups).toHaveLength(3);
  });
});
