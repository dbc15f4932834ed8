import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type ExplainOptions, loadDetector, mapHeats, type ResultParts, resultDocument } from "whybox";
import { checkedDocument, resultSchema } from "../../src/io/result-schema.js";
import { fakeReport, fakeResult } from "../cli/fake-world.js";

const fixtures = resolve(import.meta.dirname, "../../../../fixtures");
const photo = join(fixtures, "photos/chelsea.png");

const look: ResultParts["look"] = {
  save: ["json"],
  frame: "image",
  colormap: "jet",
  opacity: 0.5,
  hideBoxes: false,
  hideLabels: false,
  sideBySide: false,
  crop: undefined,
};
const others = {
  version: "1.2.3",
  source: "chelsea.png",
  device: { device: "cpu", threads: 1 },
  look,
  timings: { decode: 1, render: 2 },
};

/** A document as it was built, before any check. */
async function documentOf(name: string, options: ExplainOptions) {
  const detector = await loadDetector(gunzipSync(await readFile(join(fixtures, "exports", `${name}.onnx.gz`))));
  try {
    const given: ExplainOptions = { imageSize: 64, confidence: 0.1, maxDetections: 3, method: "GradCAM", ...options };
    const result = await detector.explain(photo, given);
    return resultDocument({ ...others, model: detector.report, options: given, result, heats: mapHeats(result) });
  } finally {
    await detector.dispose();
  }
}

describe("the schema of result documents", () => {
  const box = { x1: 100, y1: 50, x2: 350, y2: 250, className: "class1" };
  it.each<[string, ExplainOptions]>([
    ["11-seg", { per: "detection", detections: [0], backprop: ["class", "mask"] }],
    ["v8-pose", { per: "class", scale: "common" }],
    ["26-obb", { layer: [0] }],
    ["v5", { box, confidence: 0.76 }],
  ])("has exactly the fields that are built, in their order: %s", async (name, options) => {
    const document = await documentOf(name, options);
    expect(JSON.stringify(resultSchema.parse(document))).toBe(JSON.stringify(document));
  });

  it("refuses a number that JSON cannot write", () => {
    const parts = { ...others, model: fakeReport, options: {}, result: fakeResult, heats: [] };
    expect(checkedDocument(parts)).toEqual(resultDocument(parts));
    const result = { ...fakeResult, scores: [{ ...fakeResult.scores[0]!, value: Number.NaN }] };
    expect(() => checkedDocument({ ...parts, result })).toThrow(/scores/);
  });
});
