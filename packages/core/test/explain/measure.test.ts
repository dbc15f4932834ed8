import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { detectionOfRow } from "../../src/detector/detect.js";
import type { Detection } from "../../src/detector/detection.js";
import type { ExplainJob } from "../../src/explain/job.js";
import { measureMaps, measurementRuns } from "../../src/explain/measure/measure-maps.js";
import { sceneOf } from "../../src/explain/passes/forward-pass.js";
import { Progress } from "../../src/explain/progress.js";
import type { MeasuredCurves } from "../../src/explain/result/measurement.js";
import { blurPart } from "../../src/image/blur.js";
import { contentOf } from "../../src/image/letterbox.js";
import { gaussianAtBox } from "../../src/metrics/gaussian-at-box.js";
import { MINI_SIZE, type MiniPass, makeImage, miniDetector, openPass } from "../support/mini-detector.js";
import { openExport } from "../support/open-export.js";

interface Curves {
  readonly deletion: readonly number[];
  readonly insertion: readonly number[];
  readonly overAll: number;
}

/** The numbers of fixtures/make/measure.py. */
const reference = JSON.parse(
  readFileSync(new URL("../../../../fixtures/methods/measure.json", import.meta.url), "utf8"),
) as {
  readonly row: number;
  readonly classIndex: number;
  readonly box: readonly [number, number, number, number];
  readonly score: number;
  readonly blurred: { readonly at: readonly number[]; readonly values: readonly number[] };
  readonly image: Curves;
  readonly withinBox: Curves;
};

const jobOf = (pass: MiniPass, progress = new Progress(), signal?: AbortSignal) =>
  ({ loaded: pass.loaded, options: { seed: 0 }, signal, progress }) as unknown as ExplainJob;

/** The rounding of the network in float32 is up to 7e-7 of a score. */
function expectNear(found: number, wanted: number): void {
  expect(Math.abs(found - wanted)).toBeLessThan(1e-6);
}

function expectCurves(found: MeasuredCurves, wanted: Curves): void {
  for (const kind of ["deletion", "insertion"] as const) {
    for (const [i, score] of found[kind].scores.entries()) expectNear(score, wanted[kind][i]!);
  }
  expectNear(found.overAll, wanted.overAll);
}

describe("against NumPy, SciPy and ONNX Runtime in Python", () => {
  const side = 64;
  const pixels = (i: number) => (Math.floor((i * i) / 97) + 31 * (i % 3)) % 256;
  const image = { height: side, width: side, data: Uint8Array.from({ length: 3 * side * side }, (_, i) => pixels(i)) };
  let pass: MiniPass;
  beforeAll(async () => {
    pass = await openExport("v5", { image, activations: false, gradients: false });
  });
  afterAll(() => pass.loaded.sessions.dispose());

  it("the blur is that of SciPy", () => {
    const found = blurPart(pass.forward.input, [side, side], contentOf(pass.forward.letterbox), 20);
    for (const [i, at] of reference.blurred.at.entries())
      expect(found[at]).toBeCloseTo(reference.blurred.values[i]!, 6);
  });

  const measured = async (progress: Progress) => {
    const [x1, y1, x2, y2] = reference.box;
    const box = { x1, y1, x2, y2 };
    const detection = detectionOfRow(sceneOf(pass.loaded, pass.forward), {
      ...{ row: reference.row, classIndex: reference.classIndex, index: 0 },
      ...{ boxImage: { frame: "image", ...box }, boxInput: { frame: "input", ...box } },
    });
    const data = Float32Array.from({ length: side * side }, (_, i) => (i * 1009) % (side * side));
    const mapOf = () => ({ height: side, width: side, data });
    const [found] = await measureMaps(jobOf(pass, progress), { forward: pass.forward, groups: [[detection]], mapOf });
    return found!;
  };

  it("insertion, deletion and both within the box are the same", async () => {
    const { score, map } = await measured(new Progress());
    expectNear(score, reference.score);
    expectCurves(map, reference.image);
    expectCurves(map.withinBox, reference.withinBox);
  });

  it("the regions are where the score passes one half, and the runs stay within what was announced", async () => {
    const done: number[] = [];
    const progress = new Progress((state) => done.push(state.done));
    progress.start(measurementRuns(1));
    const { map, images } = await measured(progress);
    // Between 0.354 (score 0.74) and 0.586 (0.41), and between 0.586 (0.18) and 1.
    expect(map.removal).toBeGreaterThan(0.5 ** 1.5);
    expect(map.removal).toBeLessThanOrEqual(0.7 ** 1.5);
    expect(map.sufficient).toBeGreaterThan(0.7 ** 1.5);
    expect(map.sufficientOverBox).toBeCloseTo((map.sufficient * side * side) / 1260, 6);
    expect(images + 2).toBe(done.at(-1));
    expect(done.at(-1)).toBeLessThanOrEqual(measurementRuns(1));
  });
});

describe("on a mini network", () => {
  let pass: MiniPass;
  let detection: Detection;
  const [height, width] = MINI_SIZE;
  beforeAll(async () => {
    pass = await openPass({ gradients: false, activations: false, confidence: 0.2 });
    detection = pass.detections[0]!;
  });
  afterAll(() => pass.loaded.sessions.dispose());
  const measured = async (data: Float32Array, job = jobOf(pass)) => {
    const mapOf = () => ({ height, width, data });
    const [found] = await measureMaps(job, { forward: pass.forward, groups: [[detection]], mapOf });
    return found!;
  };

  it("a Gaussian at the box equals the baseline, and a constant map equals the random map", async () => {
    const gaussian = await measured(gaussianAtBox(height, width, detection.boxInput).data);
    expect(gaussian.map).toEqual(gaussian.gaussian);
    const constant = await measured(new Float32Array(height * width).fill(0.5));
    expect(constant.map.deletion).toEqual(constant.random.deletion);
    expect(constant.map.withinBox).toEqual(constant.random.withinBox);
  });

  it("stops at once when it is aborted", async () => {
    const stop = new AbortController();
    const progress = new Progress(({ done }) => {
      if (done >= 4) stop.abort();
    });
    progress.start(measurementRuns(1));
    const found = measured(new Float32Array(height * width), jobOf(pass, progress, stop.signal));
    await expect(found).rejects.toMatchObject({ code: "aborted" });
  });

  it("a detection that no row shows has no measurement", async () => {
    const gone = { ...detection, boxInput: { ...detection.boxInput, x1: 0, y1: 0, x2: 0.5, y2: 0.5 } };
    const mapOf = () => ({ height, width, data: new Float32Array(height * width) });
    expect(await measureMaps(jobOf(pass), { forward: pass.forward, groups: [[gone]], mapOf })).toEqual([]);
  });
});

describe("the option", () => {
  it("measures each map, and needs maps of single detections", async () => {
    const detector = await miniDetector();
    const image = makeImage();
    const options = { per: "detection", confidence: 0.2, maxDetections: 2, method: "GradCAM" } as const;
    const reports: { done: number; total: number }[] = [];
    const found = await detector.explain(image, {
      ...options,
      measure: true,
      onProgress: (state) => reports.push(state),
    });
    expect(found.measured.map(({ detections }) => detections)).toEqual([[0], [1]]);
    expect(reports.at(-1)!.done).toBe(reports.at(-1)!.total);
    expect(found.timings.measure).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(found)).measured).toEqual(found.measured);
    const plain = await detector.explain(image, options);
    expect([plain.measured, plain.timings.measure]).toEqual([[], 0]);
    expect(plain.maps.map(({ heatmap }) => heatmap)).toEqual(found.maps.map(({ heatmap }) => heatmap));
    const asked = { x1: 8, y1: 8, x2: 60, y2: 50, className: detector.classNames[0]! };
    expect(
      (await detector.explain(image, { box: asked, measure: true })).measured.every(
        (one) => one.detections.length === 0,
      ),
    ).toBe(true);
    await expect(detector.explain(image, { per: "class", measure: true })).rejects.toThrow(/measure.*one detection/s);
    await expect(detector.explain(image, { measure: true })).rejects.toThrow(/measure.*one detection/s);
    await detector.dispose();
  });
});
