import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AnyCamMethod,
  type CoreDetector,
  createDetector,
  createOrtPort,
  type Detector,
  decodeImage,
  defaultMethods,
  defaultScores,
  type ExplainOptions,
  type ExplainResult,
  encodeModel,
  loadDetector,
  type RgbImage,
} from "whybox";
import { MINI_SIZE, makeImage, tameModel } from "../../../core/test/support/mini-detector.js";
import { tiff32 } from "../io/image-files.js";

const photo = resolve(import.meta.dirname, "../../../../fixtures/photos/dog.jpg");
const image = makeImage(3, [80, 90]);
let detector: Detector;
/** The same model in this thread. */
let core: CoreDetector;
beforeAll(async () => {
  const model = encodeModel(tameModel());
  detector = await loadDetector(model, { threads: 1 });
  core = await createDetector(model, createOrtPort(ort as never), { threads: 1 });
});
afterAll(() => Promise.all([detector.dispose(), core.dispose()]));

const small = { imageSize: MINI_SIZE, maxDetections: 3 } as const;
const data = ({ timings: _, ...result }: ExplainResult) => result;

describe("an explanation in the worker", () => {
  it.each<ExplainOptions>([
    { layer: -2 },
    { per: "detection" },
    { per: "detection", method: "ODAM", frames: "both", scale: "common" },
    { per: "class", layer: 17, keepTopPercent: 25 },
    { augSmooth: true, method: "LayerCAM", layer: 9 },
    { box: { x1: 10, y1: 10, x2: 60, y2: 60, className: "class0" } },
    { method: "D-RISE", samples: 5, per: "detection" },
    { confidence: 1 },
  ])("equals one in this thread: %j", async (options) => {
    const wanted = await core.explain(image, { ...small, ...options });
    const found = await detector.explain(image, { ...small, ...options });
    expect(data(found)).toEqual(data(wanted));
    const [json, wantedJson] = [found, wanted].map((one) => JSON.parse(JSON.stringify(one)));
    expect({ ...json, timings: 0 }).toEqual({ ...wantedJson, timings: 0 });
    expect(Object.keys(json.timings)).toEqual(Object.keys(wantedJson.timings));
  });

  it("takes a file, its bytes and its pixels", async () => {
    const bytes = await readFile(photo);
    const options = { imageSize: [64, 96], layer: -2 } as const;
    const wanted = await core.explain(await decodeImage(photo), options);
    for (const source of [photo, bytes, bytes.subarray(), await decodeImage(photo)]) {
      const found = await detector.explain(source, options);
      expect(found.heatmapInput).toEqual(wanted.heatmapInput);
      expect(found.detections).toEqual(wanted.detections);
      expect(Buffer.compare(Buffer.from(found.heatmap.data.buffer), Buffer.from(wanted.heatmap.data.buffer))).toBe(0);
    }
    expect(bytes.length).toBeGreaterThan(1000);
  });

  it("says what it assumes about a file, wherever it is decoded", async () => {
    const notes: string[] = [];
    const onNote = (text: string) => {
      notes.push(text);
      if (notes.length > 3) throw new RangeError("enough");
    };
    const own = await loadDetector(encodeModel(tameModel()), { threads: 1, onNote });
    try {
      const tiff = tiff32(64, new Float32Array(64 * 64).fill(0.5), 1);
      await own.detect(tiff, small);
      await own.explain(tiff, small);
      await own.explain(tiff, { ...small, method: { ...defaultMethods[0]! } });
      await own.detect(image, small);
      expect(notes).toEqual(Array(3).fill(expect.stringContaining("values of 32 bits, read as 0 to 1")));
      await expect(own.detect(tiff, small)).rejects.toThrow("enough");
    } finally {
      await own.dispose();
    }
  });

  it("leaves the caller's pixels alone, also those within a larger buffer", async () => {
    const buffer = new Uint8Array(image.data.length + 100).fill(7);
    buffer.set(image.data, 50);
    const view: RgbImage = { ...image, data: buffer.subarray(50, 50 + image.data.length) };
    const before = buffer.slice();
    const wanted = data(await core.explain(image, small));
    for (const given of [image, view]) expect(data(await detector.explain(given, small))).toEqual(wanted);
    expect(buffer).toEqual(before);
    expect(image.data.length).toBe(3 * 80 * 90);
  });

  it("may run beside others", async () => {
    const questions: ExplainOptions[] = [{ layer: -2 }, { per: "detection" }, { method: "EigenCAM", layer: 17 }];
    const asked = questions.map((options) => detector.explain(image, { ...small, ...options }));
    const found = await Promise.all([...asked, detector.detect(image, small)]);
    for (const [i, options] of questions.entries()) {
      expect(data(found[i] as ExplainResult)).toEqual(data(await core.explain(image, { ...small, ...options })));
    }
    expect(found.at(-1)).toEqual(await core.detect(image, small));
  });

  it("throws the same errors", async () => {
    const wrong: [RgbImage, ExplainOptions][] = [
      [image, { layer: "nowhere" }],
      [image, { nonsense: 1 } as ExplainOptions],
      [image, { method: "GradCamm" as "GradCAM" }],
      [image, { classNames: ["unicorn"] }],
    ];
    for (const [given, options] of wrong) {
      const wanted = await core.explain(given, options).catch((error) => error);
      const { code, message, details } = wanted;
      await expect(detector.explain(given, options)).rejects.toMatchObject({ code, message, details });
    }
    await expect(detector.explain("nowhere.jpg")).rejects.toMatchObject({ code: "bad-input" });
  });

  it("reports its progress, in this thread too", async () => {
    const options = { ...small, method: "D-RISE", samples: 12, per: "detection" } as const;
    const reports = async (engine: Pick<Detector, "explain">, more: ExplainOptions = {}) => {
      const seen: unknown[] = [];
      await engine.explain(image, { ...options, ...more, onProgress: (progress) => seen.push(progress) });
      return seen;
    };
    const wanted = await reports({ explain: (source, given) => core.explain(source as RgbImage, given) });
    expect(wanted.length).toBeGreaterThan(2);
    expect(await reports(detector)).toEqual(wanted);
    expect(await reports(detector, { method: { ...defaultMethods.find(({ id }) => id === "D-RISE")! } })).toEqual(
      wanted,
    );
    const onProgress = 3 as never;
    await expect(detector.explain(image, { ...small, onProgress })).rejects.toMatchObject({ code: "usage" });
  });

  it("ends with the error that onProgress throws", async () => {
    const boom = new RangeError("boom");
    const onProgress = () => {
      throw boom;
    };
    const options = { ...small, method: "D-RISE", samples: 100_000, onProgress } as const;
    await expect(detector.explain(image, options)).rejects.toBe(boom);
    expect((await detector.detect(image, { ...small, onProgress } as never)).detections.length).toBe(3);
  });

  it("stops when the signal fires, and says why", async () => {
    const controller = new AbortController();
    const long = { ...small, method: "D-RISE", samples: 100_000, signal: controller.signal } as const;
    const asked = detector.explain(image, long);
    await setTimeout(100);
    controller.abort(new Error("enough"));
    await expect(asked).rejects.toMatchObject({ code: "aborted", cause: { message: "enough" } });
    await expect(detector.explain(image, long)).rejects.toMatchObject({ code: "aborted" });
    await expect(detector.explain(photo, long)).rejects.toMatchObject({ code: "aborted" });
    expect((await detector.detect(image, small)).detections.length).toBe(3);
  });
});

describe("a method or a score of the caller", () => {
  const gradCam = defaultMethods.find(({ id }) => id === "GradCAM") as AnyCamMethod;
  const classScore = defaultScores.find(({ id }) => id === "class")!;

  it("runs in this thread and gives the same", async () => {
    let calls = 0;
    const mine: AnyCamMethod = {
      ...{ ...gradCam, id: "mine" },
      map: (evidence) => {
        calls++;
        return gradCam.map(evidence);
      },
    };
    for (const layer of [-2, 17]) {
      const asked = { ...small, layer, per: "detection", backprop: [{ ...classScore, id: "my score" }] } as const;
      const wanted = await core.explain(image, { ...asked, method: gradCam });
      const found = await detector.explain(image, { ...asked, method: mine });
      expect(found.heatmap).toEqual(wanted.heatmap);
      expect(found.detections).toEqual(wanted.detections);
      expect([found.method, found.backprop]).toEqual(["mine", ["my score"]]);
    }
    expect(calls).toBeGreaterThan(0);
    expect((await detector.detect(image, { ...small, method: mine } as never)).detections.length).toBe(3);
  });

  it("may throw an error of its own", async () => {
    const boom = new RangeError("boom");
    const mine = {
      ...gradCam,
      map: () => {
        throw boom;
      },
    } as AnyCamMethod;
    await expect(detector.explain(image, { ...small, layer: -2, method: mine })).rejects.toBe(boom);
  });
});

it("a disposed detector refuses all calls", async () => {
  const own = await loadDetector(encodeModel(tameModel()), { threads: 1 });
  const method = { ...defaultMethods[0]! };
  await own.explain(image, { ...small, method });
  const asked = own.explain(image, small).catch((error) => error);
  await Promise.all([own.dispose(), own.dispose()]);
  expect(await asked).toMatchObject({ code: "runtime", message: /disposed/ });
  for (const call of [
    own.explain(image, small),
    own.explain(image, { ...small, method }),
    own.detect(image),
    own.inspect(),
  ]) {
    await expect(call).rejects.toMatchObject({ code: "runtime", message: expect.stringMatching(/disposed/) });
  }
});

describe("a prepared explanation", () => {
  it("uses the session that the preparation created, and gives the same result", async () => {
    const port = createOrtPort(ort as never);
    const keys: (string | undefined)[] = [];
    const counted: typeof port = {
      ...port,
      createSession: (model, options) => {
        keys.push(options.key);
        return port.createSession(model, options);
      },
    };
    const prepared = await createDetector(encodeModel(tameModel()), counted, { threads: 1 });
    const opened = keys.length;
    await prepared.prepare({ ...small, layer: 17 });
    // The probe of the head's decoding has no key.
    expect(keys.slice(opened).filter((key) => key !== undefined)).toEqual([expect.stringContaining("forward")]);
    const found = await prepared.explain(image, { ...small, layer: 17 });
    expect(keys.slice(opened).filter((key) => key?.includes("forward"))).toHaveLength(1);
    expect(data(found)).toEqual(data(await core.explain(image, { ...small, layer: 17 })));
    await prepared.dispose();
  });

  it("is asked for while the model is opened. The explanation reports invalid options", async () => {
    const bad = { ...small, layer: "no such layer" };
    const own = await loadDetector(encodeModel(tameModel()), { threads: 1, prepare: bad });
    await expect(own.explain(image, bad)).rejects.toMatchObject({ code: "usage" });
    const [found, wanted] = await Promise.all([own.explain(image, small), core.explain(image, small)]);
    expect(data(found)).toEqual(data(wanted));
    await own.dispose();
  });
});
