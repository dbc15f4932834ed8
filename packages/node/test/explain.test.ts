import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import type { MethodId, ScoreId } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CoreDetector,
  createDetector,
  createOrtPort,
  createWorkerPort,
  decodeImage,
  defaultMethods,
  defaultScores,
  type ExplainOptions,
  explain,
  loadDetector,
  type RgbImage,
  type RuntimePort,
} from "whybox";
import { yolov5sPath } from "./support/yolov5s-path.js";

const root = resolve(import.meta.dirname, "../../..");
let bytes: Uint8Array;
let dog: RgbImage;
let detector: CoreDetector;
let sessions = 0;

/** The in-process port, counting the sessions that are made. */
function countingPort(): RuntimePort {
  const port = createOrtPort(ort as never);
  return {
    ...port,
    createSession: (model, options) => {
      sessions++;
      return port.createSession(model, options);
    },
  };
}

beforeAll(async () => {
  bytes = await readFile(await yolov5sPath());
  dog = await decodeImage(resolve(root, "fixtures/photos/dog.jpg"));
  detector = await createDetector(bytes, countingPort());
});
afterAll(() => detector?.dispose());

const most = (a: Float32Array, b: Float32Array) =>
  a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
const rejects = (options: ExplainOptions, code: string) =>
  expect(detector.explain(dog, options)).rejects.toMatchObject({ name: "WhyboxError", code });

describe("layers", () => {
  it("auto reads each detection at its own level's head input", async () => {
    const { layers, detections } = await detector.explain(dog);
    for (const layer of layers) {
      const levels = layer.detections.map((index) => detections[index]!.levelName);
      expect(new Set(levels).size).toBe(1);
      expect(layer.blind).toEqual([]);
    }
    expect(layers.flatMap((layer) => layer.detections).sort()).toEqual(detections.map((found) => found.index));
  });

  it("auto equals the explicit layer where all detections are of one level", async () => {
    const auto = await detector.explain(dog, { classNames: ["dog"] });
    const explicit = await detector.explain(dog, { classNames: ["dog"], layer: -2 });
    expect(auto.detections[0]!.levelName).toBe("P5");
    expect(most(auto.heatmap.data, explicit.heatmap.data)).toBeLessThan(1e-5);
  });

  it("averages several layers", async () => {
    const both = await detector.explain(dog, { layer: [20, 23], imageSize: 320 });
    expect(both.layers.map((layer) => layer.index)).toEqual([20, 23]);
    expect(Math.max(...both.heatmapInput.data.slice(0, 1e5))).toBeLessThanOrEqual(1);
  });

  it("says which detections a layer is blind to, and why the map is empty", async () => {
    // The truck is found at P4; with its own row alone (topk 1) nothing of P5, all that layer 23 feeds, takes part.
    const result = await detector.explain(dog, { layer: 23, topk: 1 });
    const truck = result.detections.findIndex((found) => found.className === "truck");
    expect(result.detections[truck]!.levelName).toBe("P4");
    expect(result.layers[0]!.blind).toEqual([truck]);
    expect(result.layers[0]!.message).toContain("only feeds P5");
    const alone = await detector.explain(dog, { layer: 23, topk: 1, classNames: ["truck"] });
    expect(alone.empty?.reason).toBe("zero-gradient");
    expect(alone.heatmap.data.every((value) => value === 0)).toBe(true);
    expect((await detector.explain(dog, { topk: 1, classNames: ["truck"] })).empty).toBeUndefined();
  });

  it("refuses what is no layer", async () => {
    await rejects({ layer: 99 }, "usage");
    await rejects({ layer: 24 }, "usage");
    await rejects({ layer: [] }, "usage");
    await rejects({ layer: ["auto", 17] }, "usage");
    await rejects({ layer: "model.99" }, "usage");
  });
});

describe("what is explained", () => {
  it("is nothing, said in words, when nothing is found", async () => {
    const none = await detector.explain(dog, { confidence: 0.99, imageSize: 320 });
    expect(none.empty?.reason).toBe("no-detection");
    const other = await detector.explain(dog, { classNames: ["zebra"], imageSize: 320 });
    expect(other.empty?.reason).toBe("class-not-detected");
    expect(other.detections.length).toBeGreaterThan(0);
    expect(other.heatmap.data.every((value) => value === 0)).toBe(true);
  });

  it("counts unique classes once with backwardPerClass, and averages items", async () => {
    const result = await detector.explain(dog, {
      backwardPerClass: true,
      backprop: ["class", "confidence"],
      imageSize: 320,
    });
    const classes = new Set(result.detections.map((found) => found.className));
    expect(result.scores).toHaveLength(2 * classes.size);
    expect(Math.max(...result.heatmapInput.data.slice(0, 1e5))).toBeLessThanOrEqual(1);
  });

  it("can be a method and a score of one's own", async () => {
    const mine = {
      ...{ id: "Ones", title: "Ones", paper: "none", needs: ["activations" as const] },
      map: ({ activations }: { activations: { dims: readonly number[] } }) => {
        const [, height, width] = activations.dims as [number, number, number];
        return { height, width, data: Float32Array.from({ length: height * width }, (_, i) => i) };
      },
    };
    const score = { ...defaultScores[0]!, id: "mine", aliases: [] };
    const own = await createDetector(bytes, createOrtPort(ort as never), {
      methods: [...defaultMethods, mine],
      scores: [...defaultScores, score],
    });
    const result = await own.explain(dog, {
      method: "ones" as MethodId,
      backprop: ["mine" as ScoreId],
      layer: 23,
      imageSize: 320,
    });
    expect(result.method).toBe("Ones");
    expect(result.scores[0]!.backprop).toBe("mine");
    expect(result.heatmapInput.data.at(-1)).toBeGreaterThan(result.heatmapInput.data[0]!);
    await own.dispose();
  });

  it("refuses wrong options with usage errors", async () => {
    for (const options of [
      { confidence: 2 },
      { iou: -1 },
      { topk: 0 },
      { maxDetections: 0.5 },
      { imageSize: 0 },
      { imageSize: 10_000 },
      { method: "nope" },
      { backprop: ["nope"] },
      { classNames: ["nope"] },
    ]) {
      await rejects(options as ExplainOptions, "usage");
    }
  });

  it("stops when aborted", async () => {
    await rejects({ signal: AbortSignal.abort() }, "aborted");
  });
});

describe("the engine", () => {
  it("makes each session once", async () => {
    await detector.explain(dog, { layer: 23, imageSize: 320 });
    const before = sessions;
    await detector.explain(dog, { layer: 23, imageSize: 320 });
    await detector.explain(dog, { layer: 23, backprop: ["w", "h"], classNames: ["dog"] });
    expect(sessions).toBe(before);
  });

  it("gets the same map from saved and from recomputed forward values", { tags: ["long"] }, async () => {
    const other = await createDetector(bytes, createOrtPort(ort as never), { forwardValues: "recomputed" });
    for (const layer of [4, 9, 17]) {
      const [a, b] = [
        await detector.explain(dog, { layer, imageSize: 320 }),
        await other.explain(dog, { layer, imageSize: 320 }),
      ];
      expect(most(a.heatmapInput.data, b.heatmapInput.data)).toBeLessThan(1e-4);
    }
    await other.dispose();
  });

  it("tells the sizes of the layers", async () => {
    const facts = await detector.inspect({ imageSize: [64, 96] });
    expect(facts.layers[17]!.dims).toEqual([1, 128, 8, 12]);
    expect(facts.layers.every((layer) => layer.differentiable)).toBe(true);
    expect(facts.opsWithoutRule).toEqual([]);
  });

  it("does not keep a session that failed", async () => {
    const port = createOrtPort(ort as never);
    let fail = true;
    const flaky: RuntimePort = {
      ...port,
      createSession: async (model, options) => {
        if (fail) throw new Error("no memory");
        return port.createSession(model, options);
      },
    };
    const own = await createDetector(bytes, flaky);
    await expect(own.detect(dog)).rejects.toThrow("no memory");
    fail = false;
    expect((await own.detect(dog)).detections.length).toBeGreaterThan(0);
    await own.dispose();
  });
});

describe("the runtime's thread", () => {
  it("leaves the event loop alive while a model runs, and gives what the same thread gives", async () => {
    const remote = await loadDetector(await yolov5sPath());
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const result = await remote.explain(dog, { layer: 17 });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(1);
    const here = await detector.explain(dog, { layer: 17 });
    expect(most(result.heatmap.data, here.heatmap.data)).toBeLessThan(1e-5);
    await remote.dispose();
    await expect(remote.detect(dog)).rejects.toMatchObject({ code: "runtime" });
  });

  it("hands errors over with their code", async () => {
    const port = createWorkerPort();
    await expect(port.createSession(new Uint8Array([1, 2, 3]), {})).rejects.toMatchObject({ code: "runtime" });
    expect(await port.backends()).toContain("cpu");
    await port.close();
  });

  it("does not keep the process alive when the detector was forgotten", async () => {
    const code = `import { loadDetector } from "whybox";
      const detector = await loadDetector(${JSON.stringify(await yolov5sPath())});
      await detector.detect("fixtures/photos/dog.jpg"); console.log("done");`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { cwd: root });
    expect(stdout).toBe("done\n");
  });

  it("says of a file that is no model what to give instead", async () => {
    await expect(loadDetector(resolve(root, "fixtures/photos/dog.jpg"))).rejects.toThrow(
      /dog\.jpg: This is not an ONNX file: it is a JPEG .*\.onnx export or as its \.pt checkpoint\. You can also pass a TF\.js model .*known weights/,
    );
  });

  it("refuses devices and thread counts that cannot be", async () => {
    await expect(loadDetector("yolov5s", { device: "abacus" as never })).rejects.toMatchObject({ code: "usage" });
    await expect(loadDetector("yolov5s", { threads: 0 })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("names of options", () => {
  it("an unknown one is refused with the nearest, by every entry", async () => {
    const unknown = { confidense: 0.9 } as never;
    const error = { code: "usage", message: 'There is no option "confidense". Did you mean "confidence"?' };
    await expect(detector.explain(dog, unknown)).rejects.toMatchObject(error);
    await expect(detector.detect(dog, unknown)).rejects.toMatchObject(error);
    await expect(explain(dog, unknown)).rejects.toMatchObject(error);
    await expect(createDetector(bytes, countingPort(), { thread: 1 } as never)).rejects.toThrow(
      /Did you mean "threads"/,
    );
    await expect(loadDetector(bytes, { devise: "cpu" } as never)).rejects.toThrow(/Did you mean "device"/);
  });

  it("an alias is the option", async () => {
    const found = await explain(dog, { weights: bytes, threads: 1, conf: 0.9, imgsz: 320 });
    expect(found.letterbox.inputSize[1]).toBe(320);
    expect(found.detections.every(({ confidence }) => confidence >= 0.9)).toBe(true);
    await rejects({ conf: 0.9, confidence: 0.8 }, "usage");
  });
});
