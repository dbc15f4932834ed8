import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import { type AnyCamMethod, defaultMethods } from "../../src/methods/index.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import type { ScoreId } from "../../src/scores/score-id.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { exportBytes } from "../support/exports.js";
import { longUnless } from "../support/long.js";
import { makeImage } from "../support/mini-detector.js";

const SIZE = [64, 64] as const;
/** Raw maps are looked at: later steps turn NaN into zeros, and would hide them. */
const raw: Map2D[] = [];
const watched = defaultMethods.map((method): AnyCamMethod => {
  const look = (map: Map2D): Map2D => {
    raw.push(map);
    return map;
  };
  return { ...method, map: async (evidence) => look(await method.map(evidence)) };
});
const models = {
  "11-seg": "mask",
  "v5-seg": "mask",
  "v8-pose": "keypoints",
  "26-obb": "angle",
  rtdetr: undefined,
} as const;

/** Each kind of method. `npm test` tries these, `npm run test:long` the others. */
const typical = ["GradCAM", "LayerCAM", "EigenCAM", "tap-fusion", "gradient", "D-RISE"];

describe.each(Object.entries(models))("%s", async (name, own) => {
  const port = createOrtPort(ort as never);
  const detector = await createDetector(exportBytes(name), port, { threads: 1, methods: watched });
  afterAll(() => detector.dispose());

  const explain = async (method: AnyCamMethod, options: ExplainOptions) => {
    raw.length = 0;
    const samples = method.samples === undefined ? {} : { samples: 4 };
    const budget = method.searches ? { budget: 0.2 } : {};
    const base = { ...budget, imageSize: SIZE, maxDetections: 2, confidence: 0.1, ...samples };
    const found = await detector.explain(makeImage(3, SIZE), { ...base, ...options, method: method.id as MethodId });
    expect(found.detections).toHaveLength(2);
    expect(raw.length).toBeGreaterThan(0);
    for (const { data, height, width } of raw) {
      expect(data.length).toBe(height * width);
      expect(
        data.findIndex((value) => !Number.isFinite(value)),
        "place of a value that is not finite",
      ).toBe(-1);
    }
    for (const { data } of [found.heatmap, ...found.maps.map(({ heatmap }) => heatmap)]) {
      expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    return found;
  };

  describe.each(defaultMethods.map((method) => [method.id, method] as const))("%s", (id, method) => {
    it("explains", longUnless(typical.includes(id)), async () => {
      await explain(method, { per: "image" });
      const options = { per: "detection", backprop: ["class", ...(own === undefined ? [] : [own])] } as const;
      if (own === "mask" && method.needs.includes("curvature")) {
        await expect(explain(method, options)).rejects.toThrow(/second derivatives.*Use another method/);
        await explain(method, { per: "detection" });
      } else {
        expect((await explain(method, options)).backprop).toEqual(options.backprop);
      }
    });
  });

  it("in mirror images, for a box that a person drew, and against another class", async () => {
    const method = defaultMethods.find(({ id }) => id === "LayerCAM")!;
    const backprop = own === undefined ? {} : { backprop: [own] };
    await explain(method, { ...backprop, augSmooth: true });
    await explain(method, { box: { x1: 8, y1: 8, x2: 50, y2: 40, className: detector.classNames[1]! }, ...backprop });
    await explain(method, { versus: detector.classNames[2]! });
  });

  it("says which scores it has none of", async () => {
    for (const other of ["mask", "keypoints", "angle"]) {
      if (other === own) continue;
      await expect(detector.explain(makeImage(3, SIZE), { backprop: [other as ScoreId] })).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(
          new RegExp(`"${other}" is not supported for this model .*it needs a model with`),
        ),
      });
    }
  });
});
