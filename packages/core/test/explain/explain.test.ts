import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Detection } from "../../src/detector/detection.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { counted, scoreOf } from "../../src/explain/targets/detection-score.js";
import { unletterbox } from "../../src/image/frame-map.js";
import type { AnyCamMethod } from "../../src/methods/index.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { defaultScores, resolveScore } from "../../src/scores/index.js";
import type { ScoreId } from "../../src/scores/score-id.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { anchorHead } from "../support/anchor-head.js";
import { countingPort, fixedModel, MINI_SIZE, makeImage, miniDetector, tameModel } from "../support/mini-detector.js";

const size = { imageSize: MINI_SIZE };
const apart = (a: Map2D, b: Map2D) => {
  expect([a.height, a.width]).toEqual([b.height, b.width]);
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
};
const peak = ({ data }: Map2D) => Math.max(...data);
const largestOf = (maps: readonly Map2D[]): Map2D => ({
  ...maps[0]!,
  data: maps[0]!.data.map((_, i) => Math.max(...maps.map((map) => map.data[i]!))),
});

const detector = await miniDetector();
afterAll(() => detector.dispose());

describe('per "detection"', () => {
  it.each(["GradCAM", "tap-fusion", "ODAM", "EigenCAM", "FullGrad", "AblationCAM", "D-RISE", "G-CAME"])(
    "%s: all at once equal one by one, in any order",
    async (method) => {
      const samples = method === "D-RISE" ? { samples: 12 } : {};
      const own = await miniDetector({ keepForward: true });
      const image = makeImage();
      const options = { ...size, ...samples, method: method as MethodId, per: "detection", maxDetections: 11 } as const;
      const { detections } = await own.detect(image, { ...size, maxDetections: 11 });
      const explain = (some: readonly Detection[]) =>
        own.explain(image, { ...options, detections: some.map(({ index }) => index) });
      expect(new Set(detections.map(({ level }) => level)).size).toBeGreaterThan(1);
      const together = await explain(detections);
      const backwards = await explain([...detections].reverse());
      expect(together.maps.map((map) => map.detections)).toEqual(detections.map(({ index }) => [index]));
      expect(together.explained).toEqual(detections.map(({ index }) => index));
      expect(backwards.explained).toEqual([...together.explained].reverse());
      for (const [i, map] of together.maps.entries()) {
        const alone = await explain([detections[i]!]);
        expect(map.className).toBe(detections[i]!.className);
        expect(apart(map.heatmap, alone.maps[0]!.heatmap)).toBeLessThan(2e-3);
        expect(apart(map.heatmap, backwards.maps.at(-1 - i)!.heatmap)).toBeLessThan(2e-3);
      }
      expect(together.maps.some((map) => apart(map.heatmap, together.maps[0]!.heatmap) > 0.1)).toBe(true);
      await own.dispose();
      expect(apart(together.heatmapInput, largestOf(together.maps.map((map) => map.heatmap)))).toBeLessThan(1e-6);
    },
  );

  it("scales each map to its own maximum, or all to the largest", async () => {
    const options = { ...size, method: "GradCAM", per: "detection", maxDetections: 6 } as const;
    const each = await detector.explain(makeImage(), options);
    const common = await detector.explain(makeImage(), { ...options, scale: "common" });
    const most = Math.max(...common.maps.map(({ maximum }) => maximum));
    expect(new Set(common.maps.map(({ maximum }) => maximum)).size).toBeGreaterThan(1);
    for (const [i, map] of common.maps.entries()) {
      expect(peak(each.maps[i]!.heatmap)).toBeCloseTo(1, 4);
      expect(peak(map.heatmap)).toBeCloseTo(map.maximum / most, 4);
      const rescaled = { ...map.heatmap, data: map.heatmap.data.map((value) => (value * most) / map.maximum) };
      // ReLU'd maps that are nowhere zero keep their least value where nothing is scaled to 0..1.
      const least = Math.min(...rescaled.data);
      const unit = { ...rescaled, data: rescaled.data.map((value) => (value - least) / (1 - least)) };
      expect(apart(unit, each.maps[i]!.heatmap)).toBeLessThan(1e-3);
    }
    expect(peak(common.heatmapInput)).toBeCloseTo(1, 5);
  });

  it("gives each map in the network's pixels too, where asked to", async () => {
    const options = { ...size, method: "GradCAM", per: "detection", maxDetections: 3, keepTopPercent: 30 } as const;
    const { maps, letterbox, heatmapInput } = await detector.explain(makeImage(), { ...options, frames: "both" });
    const plain = await detector.explain(makeImage(), options);
    expect(plain.maps.map((map) => Object.hasOwn(map, "heatmapInput"))).toEqual([false, false, false]);
    for (const [i, map] of maps.entries()) {
      expect([map.heatmapInput!.height, map.heatmapInput!.width]).toEqual(letterbox.inputSize);
      expect(unletterbox(map.heatmapInput!, letterbox)).toEqual(map.heatmap);
      expect(map.heatmap).toEqual(plain.maps[i]!.heatmap);
    }
    expect(heatmapInput).toEqual(plain.heatmapInput);
  });

  it("keeps the top pixels of each map", async () => {
    const options = { ...size, method: "GradCAM", per: "detection", maxDetections: 3 } as const;
    const whole = await detector.explain(makeImage(), options);
    const top = await detector.explain(makeImage(), { ...options, keepTopPercent: 10 });
    for (const [i, { heatmap }] of top.maps.entries()) {
      const lit = heatmap.data.filter((value) => value > 0).length;
      expect(lit).toBeGreaterThan(0);
      expect(lit).toBeLessThanOrEqual(Math.ceil(0.1 * heatmap.data.length));
      heatmap.data.forEach((value, p) => {
        expect(value === 0 || value === whole.maps[i]!.heatmap.data[p]).toBe(true);
      });
    }
  });
});

describe('per "class"', () => {
  it("has a map for each class, that of its detections together", async () => {
    const options = { ...size, method: "GradCAM", per: "class", maxDetections: 9 } as const;
    const { maps, detections, scores } = await detector.explain(makeImage(), options);
    const classes = [...new Set(detections.map(({ className }) => className))];
    expect(classes.length).toBeGreaterThan(1);
    expect(maps.map(({ className }) => className)).toEqual(classes);
    expect(scores.map((report) => report.detections)).toEqual(maps.map((map) => map.detections));
    for (const map of maps) {
      expect(map.detections).toEqual(detections.filter((d) => d.className === map.className).map((d) => d.index));
      const alone = await detector.explain(makeImage(), { ...options, per: "image", classNames: [map.className] });
      expect(apart(map.heatmap, alone.heatmap)).toBeLessThan(1e-4);
    }
  });

  it("averages those maps with backwardPerClass", async () => {
    const options = { ...size, method: "GradCAM", maxDetections: 9 } as const;
    const { maps } = await detector.explain(makeImage(), { ...options, per: "class" });
    const mean = await detector.explain(makeImage(), { ...options, backwardPerClass: true });
    const sum = maps[0]!.heatmap.data.map((_, i) => maps.reduce((total, map) => total + map.heatmap.data[i]!, 0));
    const most = Math.max(...sum);
    expect(apart(mean.heatmap, { ...mean.heatmap, data: sum.map((value) => value / most) })).toBeLessThan(1e-4);
    expect(mean.scores.map(({ className }) => className)).toEqual(maps.map(({ className }) => className));
  });
});

describe("scores of a class", () => {
  it("count a class with several detections once", async () => {
    const score = resolveScore("class_sum");
    const group = [3, 1, 3, 1, 0].map((classIndex, index) => ({ classIndex, index }) as Detection);
    expect(counted(score, group).map(({ index }) => index)).toEqual([0, 1, 4]);
    expect(counted(resolveScore("class"), group)).toBe(group);
  });

  it("are read at every level that found the class", async () => {
    const options = { ...size, method: "GradCAM", backprop: ["class_sum"], maxDetections: 40 } as const;
    const { detections } = await detector.detect(makeImage(), options);
    const levelsOf = (name: string) =>
      new Set(detections.filter(({ className }) => className === name).map(({ level }) => level));
    const several = detections.find(({ className }) => levelsOf(className).size > 1)!;
    for (const per of ["image", "class"] as const) {
      const asked = { ...options, per, classNames: [several.className] };
      const found = await detector.explain(makeImage(), asked);
      const layers = found.layers.map(({ value }) => value);
      expect(layers).toHaveLength(levelsOf(several.className).size);
      // The score is the same at all levels: naming their layers gives the same maps.
      const named = await detector.explain(makeImage(), { ...asked, layer: layers });
      expect(apart(found.heatmap, named.heatmap)).toBeLessThan(1e-5);
      expect(found.scores).toEqual(named.scores);
    }
  });

  it("are reported once, too", async () => {
    const options = { ...size, method: "GradCAM", backprop: ["class_sum"], maxDetections: 9 } as const;
    const { detections, scores } = await detector.explain(makeImage(), options);
    const classes = new Set(detections.map(({ classIndex }) => classIndex));
    expect(classes.size).toBeLessThan(detections.length);
    const each = await detector.explain(makeImage(), { ...options, per: "detection" });
    const first = [...classes].map((k) => detections.findIndex(({ classIndex }) => classIndex === k));
    const wanted = first.reduce((sum, i) => sum + each.scores[i]!.value, 0);
    expect(scores).toHaveLength(1);
    expect(scores[0]!.value).toBeCloseTo(wanted, 6);
    expect(scores[0]!.detections).toEqual(detections.map(({ index }) => index));
  });
});

describe("several scores", () => {
  const options = { ...size, maxDetections: 1, layer: 17, confidence: 0.5 } as const;
  const items = ["row", "x1", "y2"];

  it.each([
    ["HiResCAM", "mean"],
    ["ODAM", "largest"],
  ])("%s: their %s, for a detection and for the image", async (method, how) => {
    const parts = await Promise.all(
      items.map(
        async (item) =>
          (await detector.explain(makeImage(), { ...options, method: method as MethodId, backprop: [item as ScoreId] }))
            .heatmap,
      ),
    );
    const joined = largestOf(parts);
    if (how === "mean") {
      joined.data.forEach((_, i) => {
        joined.data[i] = parts.reduce((sum, part) => sum + part.data[i]!, 0);
      });
    }
    const most = peak(joined);
    const wanted = { ...joined, data: joined.data.map((value) => value / most) };
    for (const per of ["image", "detection"] as const) {
      const found = await detector.explain(makeImage(), {
        ...options,
        method: method as MethodId,
        backprop: items as ScoreId[],
        per,
      });
      expect(found.backprop).toEqual(items);
      expect(apart(per === "image" ? found.heatmap : found.maps[0]!.heatmap, wanted)).toBeLessThan(2e-4);
    }
  });

  it("versus asks for the contrast of two classes; against itself there is nothing to see", async () => {
    const found = await detector.explain(makeImage(), { ...options, versus: "class1" });
    expect(found.backprop).toEqual(["contrast"]);
    expect(found.empty).toBeUndefined();
    const { className } = found.detections[0]!;
    const same = await detector.explain(makeImage(), { ...options, versus: className });
    const message = `versus is ${className}, which is also the class that is explained. The contrast of a class with itself is zero everywhere. Use another class.`;
    expect(same.empty).toEqual({ reason: "same-class", message });
    expect(same.scores[0]).toMatchObject({ value: 0, withoutScore: [] });
  });

  it("a score that no row carries is said to be missing", async () => {
    const loaded = await loadModel(tameModel(), countingPort(), { threads: 1 });
    const nothing = { id: "nothing", title: "", of: () => null };
    const own = await miniDetector({ scores: [...defaultScores, nothing] });
    const found = await own.explain(makeImage(), { ...options, backprop: [nothing] });
    expect(found.empty?.reason).toBe("no-score");
    expect(found.scores[0]!.withoutScore).toEqual([0]);
    expect(
      scoreOf(loaded, {
        scene: { predictions: { rows: 0, columns: 9, data: new Float32Array() }, letterbox: found.letterbox },
        score: nothing,
        detection: found.detections[0]!,
        options: { topk: 1 },
      }).levels,
    ).toEqual([]);
    await own.dispose();
  });
});

describe("eigenSmooth", () => {
  it("takes the first component and reports its gap", async () => {
    const options = { ...size, method: "HiResCAM", layer: 17, maxDetections: 2 } as const;
    const plain = await detector.explain(makeImage(), options);
    const smooth = await detector.explain(makeImage(), { ...options, eigenSmooth: true });
    expect(apart(plain.heatmap, smooth.heatmap)).toBeGreaterThan(0.01);
    expect(smooth.notes).toEqual([
      { name: "spectral gap", value: expect.any(Number), layer: "model.17", detections: [0, 1] },
    ]);
    expect(plain.notes).toEqual([]);
  });
});

describe("a method of one's own", async () => {
  const base = { title: "", paper: "", reads: "network" as const, needs: [] };
  const zeros = { height: 2, width: 3, data: new Float32Array(6) };
  let signal: AbortController;
  beforeAll(() => {
    signal = new AbortController();
  });
  const abort = () => {
    signal.abort();
    return zeros;
  };
  const own = await miniDetector({
    methods: [
      { ...base, id: "aborts", map: abort },
      { ...base, id: "throws", map: () => Promise.reject(new Error("mine")) },
      { ...base, id: "nan", map: () => ({ ...zeros, data: new Float32Array(6).fill(Number.NaN) }) },
    ] as unknown as AnyCamMethod[],
  });
  afterAll(() => own.dispose());

  it("is stopped when the signal fires while it works", async () => {
    const run = own.explain(makeImage(), { ...size, method: "aborts" as MethodId, signal: signal.signal });
    await expect(run).rejects.toMatchObject({ name: "WhyboxError", code: "aborted" });
  });

  it("may fail, and may give NaN, which is nothing", async () => {
    await expect(own.explain(makeImage(), { ...size, method: "throws" as MethodId })).rejects.toThrow("mine");
    const found = await own.explain(makeImage(), { ...size, method: "nan" as MethodId });
    expect(found.empty?.reason).toBe("zero-gradient");
    expect(found.heatmap.data.every((value) => value === 0)).toBe(true);
  });
});

describe("layers that cannot be read", () => {
  it("a value that is no feature map is refused", async () => {
    const { graph, ...model } = fixedModel();
    const head = anchorHead(graph).levels[2]!;
    const [input, convOutput] = [head.inputs[0]!, head.convOutputs[0]!];
    const b = new GraphBuilder("flat/");
    b.node("Reshape", [input, b.ints([1, 2, 6])], ["flat"]);
    b.node("Reshape", ["flat", b.ints([1, 2, 2, 3])], ["unflat"]);
    const nodes = graph.nodes.map((node) =>
      node.outputs[0] === convOutput ? { ...node, inputs: ["unflat", ...node.inputs.slice(1)] } : node,
    );
    const at = nodes.findIndex((node) => node.outputs[0] === convOutput);
    const initializers = new Map([...graph.initializers, ...b.initializers]);
    const flat = { ...graph, initializers, nodes: [...nodes.slice(0, at), ...b.nodes, ...nodes.slice(at)] };
    const own = await miniDetector({}, { ...model, graph: flat });
    await expect(own.explain(makeImage(), { method: "EigenCAM", layer: "flat" })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining('Layer "flat" has the shape [1, 2, 6]. Expected feature maps'),
    });
    await own.dispose();
  });

  it("a size that a fixed export does not take is refused", async () => {
    const own = await miniDetector({}, fixedModel());
    await expect(own.explain(makeImage(), { imageSize: 128 })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("imageSize is [128, 128], but the model's input is fixed at [64, 96]"),
    });
    await own.dispose();
  });

  it("an empty list, and auto among others, are refused", async () => {
    await expect(detector.explain(makeImage(), { layer: [] })).rejects.toThrow(/layer is an empty list/);
    await expect(detector.explain(makeImage(), { layer: ["auto", 17] })).rejects.toThrow(/cannot be combined/);
  });
});
