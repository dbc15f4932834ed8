import { afterAll, describe, expect, it } from "vitest";
import type { DetectAloneOptions, ExplainOptions } from "../../src/explain/options/options.js";
import { type ExplainProgress, Progress } from "../../src/explain/progress.js";
import type { AnyCamMethod } from "../../src/methods/index.js";
import type { Evidence, Setting } from "../../src/methods/method.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { countingPort, MINI_SIZE, makeImage, miniDetector, tameModel } from "../support/mini-detector.js";

const port = countingPort();
const detector = await miniDetector({}, tameModel(), port);
afterAll(() => detector.dispose());
const two = { imageSize: MINI_SIZE, confidence: 0.2, detections: [0, 1] };

/** The slow methods at small layers, and the number of runs that each reports. */
const slow: readonly (readonly [string, ExplainOptions, number])[] = [
  ["AblationCAM, two detections", { method: "AblationCAM", layer: [17, 9], per: "detection" }, 32],
  ["Recipro-CAM", { method: "Recipro-CAM", layer: [9, 20] }, 30],
  ["ScoreCAM", { method: "ScoreCAM", layer: 9 }, 10],
  ["D-RISE, two detections that share the masks", { method: "D-RISE", samples: 30, per: "detection" }, 30],
  ["SmoothGrad", { method: "SmoothGrad", samples: 5 }, 5],
  ["Integrated Gradients", { method: "IntegratedGradients", samples: 4, per: "detection" }, 10],
  ["ShapleyCAM", { method: "ShapleyCAM", layer: 9 }, 6],
  ["tap fusion, two detections", { method: "tap-fusion", per: "detection" }, 12],
  ["LayerCAM over six views", { method: "LayerCAM", layer: 9, augSmooth: true }, 12],
  ["FullGrad", { method: "FullGrad" }, 1],
  ["guided backpropagation", { method: "GuidedBackprop" }, 1],
];

async function reportsOf(options: ExplainOptions): Promise<ExplainProgress[]> {
  const reports: ExplainProgress[] = [];
  await detector.explain(makeImage(), { ...two, ...options, onProgress: (progress) => reports.push(progress) });
  return reports;
}

describe.each(slow)("the progress of %s", (_, options, total) => {
  it("rises from 0 to a total that is known from the start", async () => {
    const reports = await reportsOf(options);
    const last = reports.at(-1)!;
    expect(reports[0]!.done).toBe(0);
    expect(last.done).toBe(last.total);
    expect(last.total).toBe(total);
    reports.slice(1).forEach(({ done, total: now }, i) => {
      expect(done).toBeGreaterThan(reports[i]!.done);
      expect(now).toBe(last.total);
    });
  });

  it("is the last thing that happens when it aborts the call", async () => {
    const all = await reportsOf(options);
    for (const stop of new Set([0, 1, Math.floor(all.length / 2), all.length - 1])) {
      const controller = new AbortController();
      let reports = 0;
      let runs = 0;
      const onProgress = () => {
        if (reports++ !== stop) return;
        controller.abort();
        runs = port.counts.runs;
      };
      const call = detector.explain(makeImage(), { ...two, ...options, signal: controller.signal, onProgress });
      await expect(call).rejects.toMatchObject({ name: "WhyboxError", code: "aborted" });
      expect([reports, port.counts.runs]).toEqual([stop + 1, runs]);
    }
  });
});

describe("onProgress", () => {
  it("ends the call with the error that it throws, and the next call works", async () => {
    const mine = new Error("mine");
    for (const stop of [0, 4]) {
      const onProgress = ({ done }: ExplainProgress) => {
        if (done >= stop) throw mine;
      };
      const options = { ...two, method: "D-RISE", samples: 8 } as const;
      await expect(detector.explain(makeImage(), { ...options, onProgress })).rejects.toBe(mine);
      await expect(detector.explain(makeImage(), options)).resolves.toMatchObject({ method: "D-RISE" });
    }
  });

  it("is not called without detections, and may be given to a detection", async () => {
    let reports = 0;
    const onProgress = () => void reports++;
    await detector.explain(makeImage(), { imageSize: MINI_SIZE, confidence: 1, method: "D-RISE", onProgress });
    await detector.detect(makeImage(), { ...two, onProgress } as DetectAloneOptions);
    expect(reports).toBe(0);
  });

  it("is refused if it is no function", async () => {
    const call = detector.explain(makeImage(), { onProgress: "yes" as never });
    await expect(call).rejects.toMatchObject({
      ...{ code: "usage", message: "onProgress is string. Expected a function." },
    });
  });

  it("counts a map of a method that declares no runs when it is done, and no more runs than declared", async () => {
    const base = { title: "", paper: "", needs: ["tail"], keepsNothing: true };
    const map = async ({ tail, inputSize: [height, width] }: Evidence & Setting) => {
      await tail.channelScores(new Float64Array(10));
      await tail.channelScores(new Float64Array(10));
      return { height, width, data: new Float32Array(height * width) };
    };
    const methods = [
      { ...base, id: "plain", map },
      { ...base, id: "wrong", map, runs: () => 15 },
    ] as unknown as AnyCamMethod[];
    const own = await miniDetector({ methods });
    const reports: number[][] = [];
    for (const method of ["plain", "wrong"]) {
      const onProgress = ({ done, total }: ExplainProgress) => void reports.push([done, total]);
      await own.explain(makeImage(), { ...two, layer: 9, method: method as MethodId, onProgress });
    }
    expect(reports).toEqual([
      [0, 1],
      [1, 1],
      [0, 15],
      [10, 15],
      [15, 15],
    ]);
    await own.dispose();
  });
});

describe("Progress", () => {
  it("nests shares, and does not let one count into the next", async () => {
    const seen: number[] = [];
    const progress = new Progress(({ done }) => seen.push(done));
    progress.start(10);
    await progress.share(6, async () => {
      await progress.share(2, async () => progress.step(5));
      await progress.share(9, async () => progress.step(3));
    });
    progress.step(20);
    expect(seen).toEqual([0, 2, 5, 6, 10]);
  });
});
