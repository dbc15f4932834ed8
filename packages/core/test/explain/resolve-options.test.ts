import { describe, expect, it } from "vitest";
import type { ExplainOptions } from "../../src/explain/options/options.js";
import { resolveDetectOptions, resolveExplainOptions } from "../../src/explain/options/resolve-options.js";
import { type AnyCamMethod, defaultMethods } from "../../src/methods/index.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { defaultScores } from "../../src/scores/index.js";

const names = ["cat", "dog", "bird"];
const resolve = (options: ExplainOptions, methods: readonly AnyCamMethod[] = defaultMethods) =>
  resolveExplainOptions(options, { methods, scores: defaultScores }, { task: "detect", classNames: names });
const box = { x1: 1, y1: 2, x2: 3, y2: 4, className: "dog" };

describe("defaults", () => {
  it("are those of the documentation", () => {
    const { method, scores, ...rest } = resolve({});
    expect([method.id, scores.map(({ id }) => id)]).toEqual(["GradCAM", ["class"]]);
    expect(rest).toMatchObject({
      ...{ confidence: 0.25, iou: 0.45, maxDetections: 1000, agnostic: false, imageSize: undefined },
      ...{ classNames: [], backwardPerClass: false, topk: 10, per: "image", scale: "each", versus: undefined },
      ...{ eigenSmooth: false, augSmooth: false, keepTopPercent: 100, compat: false, seed: 0, samples: undefined },
      ablateTo: undefined,
      ...{ layer: "auto", box: undefined, detections: undefined },
      frames: "image",
    });
  });

  it("one detection, or a box, is explained by tap fusion and its own row", () => {
    for (const options of [{ per: "detection" }, { box }] as const) {
      const { method, scores } = resolve(options);
      expect([method.id, scores.map(({ id }) => id)]).toEqual(["tap-fusion", ["row"]]);
    }
    for (const options of [{ eigenSmooth: true }, { scale: "common" }] as const) {
      expect(resolve({ per: "detection", ...options }).method.id).toBe("GradCAM");
    }
    expect(resolve({ box, eigenSmooth: true }).method.id).toBe("GradCAM");
    expect(resolve({ per: "class" }).method.id).toBe("GradCAM");
    expect(resolve({ per: "detection", method: "odam" as MethodId }).method.id).toBe("ODAM");
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
    expect(resolveDetectOptions({ imageSize: 320 }, "detect").imageSize).toEqual([320, 320]);
    expect(resolveDetectOptions({ imageSize: [64, 96] }, "detect").imageSize).toEqual([64, 96]);
  });

  it("every option under each of its names", () => {
    expect(resolve({ conf: 0.9, imgsz: 320, maxDet: 5, agnosticNms: true, keepOnlyTopk: 10 })).toEqual(
      resolve({ confidence: 0.9, imageSize: 320, maxDetections: 5, agnostic: true, keepTopPercent: 10 }),
    );
    expect(resolve({ conf: 0.9, imgsz: [320, 64] })).toMatchObject({ confidence: 0.9, imageSize: [320, 64] });
    expect(resolveDetectOptions({ conf: 0.9 }, "detect").confidence).toBe(0.9);
    expect(resolve({ confidence: 0.5, conf: 0.5, imgsz: [64, 64], imageSize: [64, 64] }).confidence).toBe(0.5);
  });

  it("what is undefined or null counts as not given", () => {
    const empty = { confidence: undefined, conf: null, samples: null, method: null, layer: undefined };
    expect(resolve(empty as never)).toEqual(resolve({}));
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
      expect(() => resolve(options as ExplainOptions)).not.toThrow();
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
  [{ per: "box" }, /^per is "box"; expected one of image, class, detection/],
  [{ scale: "none", per: "class" }, /^scale is "none"; expected one of each, common/],
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
  [
    { samples: 5 },
    /^samples has no meaning for GradCAM, the default here: it takes none. Leave it out, or use .*D-RISE, SmoothGrad, /,
  ],
  [
    { seed: 5 },
    /^seed has no meaning for GradCAM, the default here: it draws nothing at random. .*RandomCAM, D-RISE, SmoothGrad, search.$/,
  ],
  [
    { budget: 5 },
    /^budget has no meaning for GradCAM, the default here: it does not search. Leave it out, or use search.$/,
  ],
  [{ method: "search", budget: 0 }, /budget is 0/],
  [
    { method: "search", augSmooth: true },
    /^augSmooth has no meaning for search: it measures its map on this view of the image./,
  ],
  [
    { method: "search", per: "detection", scale: "common" },
    /^scale "common" has no meaning for search: its values are ranks/,
  ],
  [
    { compat: true, method: "ODAM" },
    /^compat has no meaning for ODAM: it has no other numbers for it. .*GradCAM\+\+, /,
  ],
  [
    { ablateTo: "mean" },
    /^ablateTo has no meaning for GradCAM, the default here: it removes no channel. .* AblationCAM.$/,
  ],
  [{ ablateTo: "one", method: "AblationCAM" }, /^ablateTo is "one"; expected one of zero, mean.$/],
  [{ ablateTo: "mean", compat: true, method: "AblationCAM" }, /^compat already sets what replaces a removed channel/],
  [
    { backwardPerClass: true, per: "detection" },
    /^backwardPerClass averages .* per "detection" makes one map for each/,
  ],
  [{ backwardPerClass: true, per: "class" }, /^backwardPerClass/],
  [{ frames: "both" }, /^frames "both" applies to the maps of per/],
  [{ frames: "input", per: "class" }, /^frames is "input"; expected one of image, both.$/],
  [{ scale: "common" }, /^scale "common" compares several maps of one image. It needs per "detection" or per "class"/],
  [{ backprop: ["contrast"] }, /^The score "contrast" compares two classes/],
  [{ backprop: ["class"], versus: "cat" }, /^versus names the class that the score "contrast" compares with/],
  [{ box, per: "detection" }, /^box explains one box. Leave per out/],
  [{ box, per: "class" }, /^box explains one box/],
  [{ box, classNames: ["dog"] }, /^box names its own class. Leave classNames out/],
  [{ box, backwardPerClass: true }, /^box explains one class. Leave backwardPerClass out/],
  [{ box, detections: [0] }, /^box explains a box that you give, detections explains boxes that were detected/],
  [{ detections: [0], classNames: ["dog"] }, /^detections already selects what is explained. Leave classNames out/],
  [{ detections: [] }, /^detections is an empty list; add at least one/],
  [{ method: "D-RISE", layer: 17 }, /^layer has no meaning for D-RISE: it is not read at a layer. .* another method.$/],
  [{ layer: [] }, /^layer is an empty list; add at least one layer/],
  [{ layer: ["auto", 17] }, /^layer "auto" cannot be combined with other layers/],
  [{ layer: 1.5 }, /^layer is 1.5; expected a layer index, a layer name/],
  [{ agnostic: "yes" }, /^agnostic is "yes"; expected true or false.$/],
  [{ confidence: "0.5" }, /^confidence is "0.5"; expected a number from 0 to 1.$/],
  [{ versus: 0 }, /^versus is 0; expected a class name.$/],
  [{ classNames: [3] }, /^classNames is 3; expected a class name.$/],
  [{ imageSize: [64] }, /^imageSize is \[64\]; expected .* two of them: \[height, width\]/],
  [{ box: [1, 2, 3, 4] }, /^box is \[1,2,3,4\]; expected a box \{ x1, y1, x2, y2, className \}/],
  [{ backprop: "row" as never }, /^backprop is "row"; expected a list: \["row"\].$/],
  [{ classNames: "dog" as never }, /^classNames is "dog"; expected a list/],
  [{ detections: 3 as never }, /^detections is 3; expected a list: \[3\].$/],
  [{ method: "gradient", layer: [17, 20] }, /is not read at a layer/],
  [{ confidense: 0.9 }, /^There is no option "confidense". Did you mean "confidence"\?$/],
  [{ signa: null }, /^There is no option "signa". Did you mean "signal"\?$/],
  [{ zzzzzzzzzz: 1 }, /^There is no option "zzzzzzzzzz". Options: method, layer, /],
  [{ conf: 2 }, /^conf is 2; expected a number from 0 to 1.$/],
  [{ imgsz: [64, 8193] }, /^imgsz is 8193; expected a whole number/],
  [{ keepOnlyTopk: 0 }, /^keepOnlyTopk is 0; expected a number above 0/],
  [{ confidence: 0.5, conf: 0.6 }, /^confidence and conf are two names of the same option, but have different values/],
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
        const call = () => resolve({ method: id as MethodId, ...options });
        if (reads) expect(call, id).not.toThrow();
        else expect(call, id).toThrow(new RegExp(`^${Object.keys(options)[0]} has no meaning for `));
      }
      expect(() => resolve({ method: id as MethodId, seed: 0, compat: false }), id).not.toThrow();
    }
  });

  it("a detection knows the options of an explanation, and refuses other names", () => {
    expect(resolveDetectOptions({ method: "GradCAM", iou: 0.3 } as ExplainOptions, "detect").iou).toBe(0.3);
    expect(() =>
      resolveDetectOptions({ ahead: {}, signal: new AbortController().signal } as never, "detect"),
    ).not.toThrow();
    expect(() => resolveDetectOptions({ iuo: 0.3 } as never, "detect")).toThrow(
      /^There is no option "iuo". Did you mean "iou"/,
    );
    expect(() => resolve({ ahead: {} } as never)).toThrow(/^There is no option "ahead"/);
  });

  it("names no other method where none reads the option", () => {
    const own = defaultMethods.filter(({ id }) => id === "GradCAM");
    expect(() => resolve({ samples: 3 }, own)).toThrow(
      /^samples has no meaning for GradCAM, the default here: it takes none. Leave it out.$/,
    );
  });

  it("eigenSmooth is refused for exactly the methods whose map is no sum over channels", () => {
    for (const method of defaultMethods) {
      const call = () => resolve({ method: method.id as MethodId, eigenSmooth: true });
      if (method.channels === undefined) expect(call, method.id).toThrow(/eigenSmooth has no meaning/);
      else expect(call, method.id).not.toThrow();
    }
    expect(defaultMethods.filter((method) => method.channels !== undefined).length).toBeGreaterThan(3);
  });
});
