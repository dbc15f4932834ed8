import { readFileSync } from "node:fs";
import type { ScoreId } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoreDetector, createDetector, createOrtPort, defaultMethods, type RgbImage } from "whybox";
import { yolov5sPath } from "../support/yolov5s-path.js";
import { apart, type DogReference, readDog, readParity } from "./dog-reference.js";
import { channelsOf, meansOf, probe } from "./probe.js";

/** See fixtures/make/torch-gradients.py. */
interface TorchGradients {
  readonly score: number;
  readonly layers: readonly {
    readonly layer: number | "images";
    readonly dims: readonly number[];
    readonly max: number;
    readonly means: readonly number[];
    readonly projections: readonly number[];
    readonly values: readonly (readonly [position: number, value: number])[];
  }[];
}

const torch = readParity<TorchGradients>("dog-gradients.json");
const reference = readParity<DogReference>("dog.json");

/** What the project demands of gradients and weights; float32 takes some 1e-5 of it. */
const TOLERANCE = 1e-4;

let bytes: Uint8Array;
let image: RgbImage;
beforeAll(async () => {
  bytes = readFileSync(await yolov5sPath());
  image = await readDog();
});

/** The weights of the script that made the numbers. */
function project(channel: Float32Array): number {
  return channel.reduce((sum, value, i) => sum + value * (2 * ((i * 0.6180339887) % 1) - 1), 0);
}

describe.each([
  ["saved", torch.layers],
  ["recomputed", torch.layers.filter(({ layer }) => ["images", 9, 20].includes(layer))],
] as const)("gradients on dog.jpg equal PyTorch's, forward values %s", (forwardValues, layers) => {
  const { method, taken } = probe();
  let detector: CoreDetector;
  beforeAll(async () => {
    detector = await createDetector(bytes, createOrtPort(ort as never), { methods: [method], forwardValues });
  });
  afterAll(() => detector?.dispose());

  it.each(layers.map((layer) => [layer.layer, layer] as const))("layer %s", async (layer, expected) => {
    const result = await detector.explain(image, { method, layer });
    expect(Math.abs(result.scores[0]!.value - torch.score)).toBeLessThan(1e-5);
    const { gradients } = taken.at(-1)!;
    const { dims, data } = gradients;
    expect(dims).toEqual(expected.dims);
    const most = data.reduce((high, value) => Math.max(high, Math.abs(value)), 0);
    expect(result.layers[0]!.gradientMax).toBe(most);
    expect(apart([most], [expected.max])).toBeLessThan(TOLERANCE);
    expect(apart(meansOf(gradients), expected.means)).toBeLessThan(TOLERANCE);
    expect(apart(channelsOf(gradients).map(project), expected.projections)).toBeLessThan(TOLERANCE);
    const picked = expected.values.map(([position]) => data[position]!);
    const values = expected.values.map(([, value]) => value);
    expect(apart(picked, values)).toBeLessThan(TOLERANCE);
  });
});

describe("inside Grad-CAM on dog.jpg", () => {
  const gradCam = defaultMethods[0]!;
  const taken: Parameters<typeof gradCam.map>[0][] = [];
  const method: typeof gradCam = {
    ...gradCam,
    id: "Probe",
    map: (evidence) => {
      taken.push(evidence);
      return gradCam.map(evidence);
    },
  };
  let detector: CoreDetector;
  beforeAll(async () => {
    detector = await createDetector(bytes, createOrtPort(ort as never), { methods: [method] });
  });
  afterAll(() => detector?.dispose());
  const cases = reference.cases.filter(({ weights }) => weights !== undefined);

  it.each(cases.map((one) => [one.id, one] as const))(
    "channel weights and raw map equal the Python reference's in %s",
    async (_, { layer, classNames, backprop, weights, map }) => {
      await detector.explain(image, { method, layer, classNames, backprop: backprop as readonly ScoreId[] });
      const evidence = taken.at(-1)!;
      expect(apart(evidence.gradientMeans, weights!)).toBeLessThan(TOLERANCE);
      const raw = await gradCam.map(evidence);
      expect([raw.height, raw.width]).toEqual(map!.size);
      expect(apart(raw.data, map!.values)).toBeLessThan(TOLERANCE);
    },
  );
});
