import { afterAll, describe, expect, it } from "vitest";
import { mapHeats } from "../../src/explain/result/map-heats.js";
import { plainResult } from "../../src/explain/result/plain-result.js";
import type { ExplainResult } from "../../src/explain/result/result.js";
import { type ResultParts, resultDocument } from "../../src/explain/result/result-document.js";
import { boxHeat } from "../../src/metrics/box-heat.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";

const detector = await miniDetector();
afterAll(() => detector.dispose());
const perDetection = { imageSize: MINI_SIZE, per: "detection" } as const;
const explained = await detector.explain(makeImage(), perDetection);

describe("JSON of a result", () => {
  it("is plainResult, without the values of the maps", () => {
    expect(explained.maps.length).toBeGreaterThan(0);
    const text = JSON.stringify(explained);
    expect(text).toBe(JSON.stringify(plainResult(explained)));
    expect(text).toBe(JSON.stringify({ result: explained }).slice('{"result":'.length, -1));
    expect(text).not.toMatch(/"(heatmap|data)"/);
    expect(JSON.parse(text)).toEqual(plainResult(explained));
    expect(plainResult(explained)).toMatchObject({ method: "tap-fusion", backprop: explained.backprop, empty: null });
  });

  it("does not keep a result from being copied to another thread, or compared", () => {
    const copy = structuredClone(explained);
    expect(copy).toEqual(explained);
    expect(copy.heatmap.data).toEqual(explained.heatmap.data);
    expect(Object.keys(explained)).toEqual(expect.arrayContaining(["heatmap", "maps"]));
    expect(Object.keys(explained)).not.toContain("toJSON");
  });
});

describe("a result document", () => {
  const document = (parts: Partial<ResultParts> = {}) =>
    resultDocument({
      version: "9.9.9",
      model: { ...detector.facts, source: "mini", format: "onnx", bytes: 5, sha256: "ab", licence: undefined },
      source: "photo.png",
      options: perDetection,
      device: { device: "cpu", threads: undefined },
      look: {
        save: ["json"],
        frame: "image",
        colormap: "jet",
        opacity: 0.5,
        crop: "rest",
        hideBoxes: false,
        hideLabels: false,
        sideBySide: false,
      },
      result: explained,
      heats: mapHeats(explained),
      timings: { decode: 1, render: 2 },
      ...parts,
    });

  it("has the options in effect, whatever their names", () => {
    const options = { imgsz: 64, conf: 0.5, layer: -2, per: "detection", keepOnlyTopk: 20 } as const;
    expect(document({ options }).options).toEqual({
      ...document().options,
      ...{ imageSize: [64, 64], confidence: 0.5, layer: [-2], keepTopPercent: 20 },
    });
    expect(document().options).toMatchObject({
      ...{ method: "tap-fusion", backprop: ["row"], layer: "auto", confidence: 0.25, imageSize: MINI_SIZE },
      ...{ versus: null, box: null, threads: null, crop: true, cropKeep: false },
    });
    expect(document().options).not.toHaveProperty("detections");
    expect(document({ options: { detections: [1] } }).options.detections).toEqual([1]);
  });

  it("says which files there are", () => {
    const none = { png: null, npy: null };
    expect(document().files).toEqual({ ...none, sheet: null, json: null });
    expect(document().maps.map(({ files }) => files)).toEqual(explained.maps.map(() => none));
    const mapFiles = explained.maps.map((_, i) => ({ png: `${i}.png`, npy: null }));
    expect(document({ mapFiles }).maps.map(({ files }) => files)).toEqual(mapFiles);
  });

  it("says where the heat of each detection's map lies, and nothing of maps of several or without heat", () => {
    const { maps, detections } = explained;
    for (const [i, { heat }] of document().maps.entries()) {
      expect(heat).toEqual(boxHeat(maps[i]!.heatmap, detections[maps[i]!.detections[0]!]!.boxImage));
    }
    const cold = { ...maps[0]!.heatmap, data: maps[0]!.heatmap.data.map(() => 0) };
    const several = [
      { ...maps[0]!, heatmap: cold },
      { ...maps[0]!, detections: [0, 1] },
    ];
    const heats = mapHeats({ ...explained, maps: several });
    expect(heats).toEqual([undefined, undefined]);
    expect(document({ result: { ...explained, maps: several }, heats }).maps.map(({ heat }) => heat)).toEqual([
      null,
      null,
    ]);
  });

  it("has null for what is absent", () => {
    const result: ExplainResult = { ...explained, layers: [{ ...explained.layers[0]!, index: undefined }] };
    const { layers, model } = document({ result });
    expect(layers[0]!.index).toBeNull();
    expect([model.licence, model.input.sides]).toEqual([null, [null, null]]);
  });
});
