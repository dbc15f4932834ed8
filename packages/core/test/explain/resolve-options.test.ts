import { describe, expect, it } from "vitest";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import { resolveDetectOptions, resolveExplainOptions } from "../../src/explain/options/resolve-options.js";
import { type AnyCamMethod, defaultMethods } from "../../src/methods/index.js";
import { defaultScores } from "../../src/scores/index.js";

const names = ["cat", "dog", "bird"];
const resolve = (options: ExplainOptions, methods: readonly AnyCamMethod[] = defaultMethods) =>
  resolveExplainOptions(options, methods, defaultScores, names);
const box = { x1: 1, y1: 2, x2: 3, y2: 4, className: "dog" };

describe("defaults", () => {
  it("are those of the documentation", () => {
    const { method, scores, ...rest } = resolve({});
    expect([method.id, scores.map(({ id }) => id)]).toEqual(["GradCAM", ["class"]]);
    expect(rest).toEqual({
      ...{ confidence: 0.25, iou: 0.45, maxDetections: 1000, agnostic: false, imageSize: undefined },
      ...{ classNames: [], backwardPerClass: false, topk: 10, per: "image", scale: "each", versus: undefined },
      ...{ eigenSmooth: false, augSmooth: false, keepTopPercent: 100, compat: false, seed: 0, samples: undefined },
      ablateTo: undefined,
      frames: "image",
    });
  });

  it("one detection, or a box, is explained by tap fusion and its own row", () => {
    for (const options of [{ per: "detection" }, { box }] as const) {
      const { method, scores } = resolve(options);
      expect([method.id, scores.map(({ id }) => id)]).toEqual(["tap-fusion", ["row"]]);
    }
    expect(resolve({ per: "class" }).method.id).toBe("GradCAM");
    expect(resolve({ per: "detection", method: "odam" }).method.id).toBe("ODAM");
  });

  it("where those are not among the methods, the first is taken", () => {
    const own = defaultMethods.filter(({ id }) => id === "EigenCAM" || id === "LayerCAM");
    expect(resolve({}, own).method.id).toBe(own[0]!.id);
    expect(resolve({ per: "detection" }, own).method.id).toBe(own[0]!.id);
  });

  it("scores: those asked for, once each; else the method's; contrast with versus", () => {
    const ids = (options: ExplainOptions) => resolve(options).scores.map(({ id }) => id);
    expect(ids({ backprop: ["objectness", "confidence", "w"] })).toEqual(["confidence", "w"]);
    expect(ids({ backprop: [], method: "ODAM" })).toEqual(["row"]);
    expect(ids({ method: "FinerCAM" })).toEqual(
      defaultMethods.find(({ id }) => id === "FinerCAM")!.scores ?? ["class"],
    );
    expect(ids({ versus: "cat" })).toEqual(["contrast"]);
    expect(ids({ versus: "cat", backprop: ["contrast", "class"] })).toEqual(["contrast", "class"]);
    expect(resolve({ versus: "BIRD" }).versus).toBe(2);
    expect(resolve({ versus: "0" }).versus).toBe(0);
  });

  it("sizes: one number for both sides", () => {
    expect(resolveDetectOptions({ imageSize: 320 }).imageSize).toEqual([320, 320]);
    expect(resolveDetectOptions({ imageSize: [64, 96] }).imageSize).toEqual([64, 96]);
  });

  it("limits belong to what is valid", () => {
    for (const options of [
      { confidence: 0 },
      { confidence: 1 },
      { iou: 0 },
      { iou: 1 },
      { keepTopPercent: 100 },
      { keepTopPercent: 1e-3 },
      { seed: 0 },
      { seed: 2 ** 32 - 1, method: "RandomCAM" },
      { samples: 1, method: "D-RISE" },
      { topk: 10_000 },
      { imageSize: 8192 },
    ])
      expect(() => resolve(options)).not.toThrow();
  });
});

const refusals: readonly (readonly [options: unknown, message: RegExp])[] = [
  [{ confidence: -0.1 }, /^confidence is -0.1; expected a number from 0 to 1/],
  [{ confidence: 1.1 }, /^confidence is 1.1/],
  [{ confidence: Number.NaN }, /^confidence is NaN/],
  [{ iou: 2 }, /^iou is 2/],
  [{ iou: Number.NaN }, /^iou is NaN/],
  [{ maxDetections: 0 }, /^maxDetections is 0; expected a whole number from 1 to 100000/],
  [{ maxDetections: 1.5 }, /^maxDetections is 1.5/],
  [{ imageSize: 0 }, /^imageSize is 0/],
  [{ imageSize: [64, 8193] }, /^imageSize is 8193; .* to 8192/],
  [{ topk: 0 }, /^topk is 0/],
  [{ topk: 10_001 }, /^topk is 10001/],
  [{ per: "box" }, /^per is "box"; expected image, class, detection/],
  [{ scale: "none", per: "class" }, /^scale is "none"; expected each, common/],
  [{ keepTopPercent: 0 }, /^keepTopPercent is 0; expected a number above 0/],
  [{ keepTopPercent: 100.5 }, /^keepTopPercent is 100.5/],
  [{ keepTopPercent: Number.NaN }, /^keepTopPercent is NaN/],
  [{ seed: -1 }, /^seed is -1; expected a whole number from 0 to 4294967295/],
  [{ seed: 2 ** 32 }, /^seed is 4294967296/],
  [{ samples: 0 }, /^samples is 0; expected a whole number from 1/],
  [{ samples: 2.5 }, /^samples is 2.5/],
  [{ method: "GradCan" }, /no method "GradCan".*Did you mean/],
  [{ backprop: ["clas"] }, /Unknown backprop item "clas".*Did you mean "class"/],
  [{ versus: "horse" }, /Unknown class "horse"/],
  [{ eigenSmooth: true, method: "D-RISE" }, /^eigenSmooth has no meaning for D-RISE/],
  [{ samples: 5 }, /^samples has no meaning for GradCAM: it takes none. Leave it out, or use .*D-RISE, SmoothGrad, /],
  [{ seed: 5 }, /^seed has no meaning for GradCAM: it draws nothing at random. .*RandomCAM, D-RISE, SmoothGrad.$/],
  [
    { compat: true, method: "ODAM" },
    /^compat has no meaning for ODAM: it has no other numbers for it. .*GradCAM\+\+, /,
  ],
  [{ ablateTo: "mean" }, /^ablateTo has no meaning for GradCAM: it takes no channel away. .* AblationCAM.$/],
  [{ ablateTo: "one", method: "AblationCAM" }, /^ablateTo is "one"; expected zero, mean.$/],
  [{ ablateTo: "mean", compat: true, method: "AblationCAM" }, /^compat says by itself what a channel becomes/],
  [{ backwardPerClass: true, per: "detection" }, /^backwardPerClass averages .* per "detection" keeps them apart/],
  [{ backwardPerClass: true, per: "class" }, /^backwardPerClass/],
  [{ frames: "both" }, /^frames "both" is for the maps of per/],
  [{ frames: "input", per: "class" }, /^frames is "input"; expected image, both.$/],
  [{ scale: "common" }, /^scale "common" compares maps of one image/],
  [{ backprop: ["contrast"] }, /^The score "contrast" compares two classes/],
  [{ backprop: ["class"], versus: "cat" }, /^versus is what the score "contrast" compares with/],
  [{ box, per: "detection" }, /^box asks about one box/],
  [{ box, per: "class" }, /^box asks about one box/],
  [{ box, classNames: ["dog"] }, /^box names its class/],
  [{ method: "D-RISE", layer: 17 }, /^D-RISE is not read at a layer/],
  [{ backprop: "row" as never }, /^backprop is "row"; expected a list: \["row"\].$/],
  [{ classNames: "dog" as never }, /^classNames is "dog"; expected a list/],
  [{ detections: 3 as never }, /^detections is 3; expected a list: \[3\].$/],
  [{ method: "gradient", layer: [17, 20] }, /is not read at a layer/],
];

describe("refusals", () => {
  it.each(refusals)("%j", (options, message) => {
    expect(() => resolve(options as ExplainOptions)).toThrow(
      expect.objectContaining({ name: "WhyboxError", code: "usage", message: expect.stringMatching(message) }),
    );
  });

  it("an explicit auto, an empty list of classes and no layer are no contradictions", () => {
    expect(() => resolve({ method: "D-RISE", layer: "auto" })).not.toThrow();
    expect(() => resolve({ box, classNames: [], per: "image" })).not.toThrow();
    expect(() => resolve({ scale: "common", per: "class" })).not.toThrow();
  });

  it("samples, seed, compat and ablateTo are refused for exactly the methods that do not declare to read them", () => {
    for (const method of defaultMethods) {
      const { id, samples, usesSeed, hasCompat, ablates } = method;
      const cases = [
        [{ samples: 3 }, samples !== undefined],
        [{ seed: 3 }, usesSeed === true],
        [{ compat: true }, hasCompat === true],
        [{ ablateTo: "zero" }, ablates === true],
      ] as const;
      for (const [options, reads] of cases) {
        const call = () => resolve({ method: id, ...options });
        if (reads) expect(call, id).not.toThrow();
        else expect(call, id).toThrow(new RegExp(`^${Object.keys(options)[0]} has no meaning for `));
      }
      expect(() => resolve({ method: id, seed: 0, compat: false }), id).not.toThrow();
    }
  });

  it("names no other method where none reads the option", () => {
    const own = defaultMethods.filter(({ id }) => id === "GradCAM");
    expect(() => resolve({ samples: 3 }, own)).toThrow(
      /^samples has no meaning for GradCAM: it takes none. Leave it out.$/,
    );
  });

  it("eigenSmooth is refused for exactly the methods whose map is no sum over channels", () => {
    for (const method of defaultMethods) {
      const call = () => resolve({ method: method.id, eigenSmooth: true });
      if (method.channels === undefined) expect(call, method.id).toThrow(/eigenSmooth has no meaning/);
      else expect(call, method.id).not.toThrow();
    }
    expect(defaultMethods.filter((method) => method.channels !== undefined).length).toBeGreaterThan(3);
  });
});
