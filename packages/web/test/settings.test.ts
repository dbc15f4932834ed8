import { defaultMethods } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { methodChoices, methodOf } from "../src/controller/methods.js";
import { type PageOption, rowOf, valuesOf } from "../src/controller/page-options.js";
import { defaultSettings, fromHash, type Settings, toHash } from "../src/controller/settings.js";

/** Another value than the default of an option. */
function otherValue(name: PageOption): unknown {
  const row = rowOf(name);
  if (row.kind === "number") return row.default === row.min ? row.max : row.min + 1 / 8;
  return row.kind === "choice" ? row.choices.find((choice) => choice !== row.default) : row.default !== true;
}

const others: Settings = {
  ...valuesOf(otherValue),
  method: "GradCAM++",
  layer: "model.17 & more",
  score: "confidence",
  classFilter: "traffic light",
  versus: "cat",
  opacity: 0.3,
  colormap: "viridis",
  crop: "hot",
  compare: ["GradCAM", "ODAM"],
  device: "wasm",
  threads: 1,
  inputFit: "crop",
  inputCrop: 0.875,
  inputMean: "0.485, 0.456, 0.406",
  inputStd: "58 57 57",
  inputRange: "255",
  inputChannels: "bgr",
  inputPadding: "end",
};

describe("a link", () => {
  it("restores every setting", () => {
    for (const key of Object.keys(others) as (keyof Settings)[])
      expect(others[key], key).not.toEqual(defaultSettings[key]);
    expect(fromHash(`#${toHash(others)}`)).toEqual(others);
  });

  it("restores the settings of older links", () => {
    expect(fromHash("#topPercent=30&perClass=true")).toMatchObject({ keepTopPercent: 30, backwardPerClass: true });
  });

  it("is empty for the defaults", () => {
    expect(toHash(defaultSettings)).toBe("");
    expect(fromHash("")).toEqual(defaultSettings);
  });

  it.each([
    `method=nothing&layer=${"x".repeat(101)}`,
    "confidence=2&iou=-1&opacity=NaN&topPercent=0",
    "threads=1e1&device=tpu&crop=&compare=,,x",
    "__proto__=1&constructor=2&confidence=",
    "%%%&&&===",
    "inputFit=tile&inputCrop=0&inputMean=1,2&inputStd=1,0,1&inputRange=2&inputChannels=hsv&inputPadding=top",
    `inputMean=a,b,c&inputStd=${"1,".repeat(60)}`,
  ])("ignores invalid values: %s", (hash) => {
    expect(fromHash(hash)).toEqual(defaultSettings);
  });
});

describe("the methods", () => {
  it("are all methods of the engine, each with a description", () => {
    expect(methodChoices.map(({ id }) => id)).toEqual(defaultMethods.map(({ id }) => id));
    for (const { id, what, title } of methodChoices) expect(what.startsWith(`${title}. Passes`), id).toBe(false);
  });

  it("have a cost", () => {
    expect(methodOf("GradCAM").cost).toBe("fast");
    expect(methodOf("tap-fusion").cost).toBe("slower");
    expect(methodOf("FullGrad").cost).toBe("slower");
    expect(methodOf("AblationCAM").cost).toBe("slower");
    for (const id of ["D-RISE", "ScoreCAM", "Recipro-CAM", "SmoothGrad"]) expect(methodOf(id).cost, id).toBe("slow");
  });
});
