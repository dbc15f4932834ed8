import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CoreDetector } from "../../src/explain/create-detector.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import type { ExplainResult } from "../../src/explain/result/result.js";
import { type MapParts, resultFrom, sendResult } from "../../src/explain/sent-result.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";

let detector: CoreDetector;
beforeAll(async () => {
  detector = await miniDetector();
});
afterAll(() => detector.dispose());

const photo = makeImage(3, [80, 90]);
const explain = (options: ExplainOptions) =>
  detector.explain(photo, { imageSize: MINI_SIZE, maxDetections: 3, ...options });

/** Sends a result as a message to another thread does. */
function send(result: ExplainResult): ExplainResult {
  const { data, transfer } = sendResult(result);
  return resultFrom(structuredClone(data, { transfer: [...transfer] }));
}

describe("a result that is sent to another thread", () => {
  it.each<ExplainOptions>([
    { layer: -2 },
    { layer: -2, keepTopPercent: 30 },
    { per: "class", layer: 17 },
    { per: "detection" },
    { per: "detection", scale: "common", method: "LayerCAM", layer: [17, 9] },
    { per: "detection", method: "ODAM", frames: "both" },
    { per: "detection", method: "GradCAM", keepTopPercent: 30 },
    { per: "detection", method: "GradCAM", augSmooth: true },
    { per: "detection", confidence: 1 },
  ])("is the same there: %j", async (options) => {
    const [wanted, { timings, ...found }] = [await explain(options), send(await explain(options))];
    expect(timings.total).toBeGreaterThan(0);
    expect(found).toEqual({ ...wanted, timings: undefined });
    expect(found.heatmap.data.length).toBe(photo.height * photo.width);
    expect(Object.keys(found).sort()).toEqual(
      Object.keys(wanted)
        .filter((name) => name !== "timings")
        .sort(),
    );
  });

  it("writes the same JSON, and makes its heatmap once", async () => {
    const result = send(await explain({ per: "detection" }));
    expect(JSON.parse(JSON.stringify(result))).not.toHaveProperty("heatmap");
    expect(result.heatmap).toBe(result.heatmap);
    expect(result.heatmapInput).toBe(result.heatmapInput);
  });

  it("takes no memory along that its maps do not use", async () => {
    const { data, transfer } = sendResult(await explain({ per: "detection", method: "ODAM" }));
    const { image, maps } = data.maps as MapParts;
    if ("finished" in image) throw new Error("the map of the image is finished");
    const sizes = [...maps.map(({ heatmap }) => heatmap!.data.byteLength)];
    for (const map of image.groups.flat()) {
      if ("layers" in map) sizes.push(...map.layers.map(({ data: values }) => values.byteLength));
      else sizes.push(map.input.data.byteLength);
    }
    const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);
    expect(sum(transfer.map(({ byteLength }) => byteLength))).toBe(sum(sizes));
  });

  it("must come from `explain`", async () => {
    expect(() => sendResult({ ...({} as ExplainResult) })).toThrow(/did not return/);
  });
});
