import type { OpenOptions, WeightsSource } from "@whybox/browser";
import type { AskedBox, DetectAloneOptions, ExplainOptions, InputOptions, MethodId, ScoreId } from "@whybox/core";
import { methodOf } from "./methods.js";
import { changedOptions, isOfDetection, pageOptions } from "./page-options.js";
import { type Settings, threeNumbers } from "./settings.js";

/** The quick method. Its map is shown while a better one runs. */
export const QUICK = "GradCAM";

/** The model to open: the default weights beside the page, or the user's file with the files that came with it. */
export type Weights =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: File; readonly beside?: readonly File[] };

/**
 * The subject of a heatmap: the whole image with the heat of each box, the sum over its detections, some of them, or a box that the user drew.
 */
export type Subject =
  | { readonly kind: "image" }
  | { readonly kind: "sum" }
  | { readonly kind: "detections"; readonly indices: readonly number[] }
  | { readonly kind: "box"; readonly box: AskedBox };

/** The methods that run for a map, one after another: first the quick one, then the chosen one. */
export function methodsOf({ method }: Settings): readonly string[] {
  return methodOf(method).cost === "fast" ? [method] : [QUICK, method];
}

/** The settings that detection depends on. The engine knows the defaults: a classifier has others. */
export function thresholds(settings: Settings): DetectAloneOptions {
  return changedOptions(settings, pageOptions.filter(isOfDetection));
}

/** A detection request that also prepares the first maps. */
export function detectRequest(settings: Settings): DetectAloneOptions {
  const ahead = methodsOf(settings).map((method) => ({
    method: method as MethodId,
    per: "detection" as const,
    ...layerOf(settings, method),
  }));
  return { ...thresholds(settings), ahead };
}

export function explainRequest(settings: Settings, subject: Subject, method: string): ExplainOptions {
  const { score, versus, classFilter } = settings;
  // One pass for each class has a meaning for the whole image only.
  const ofMap = pageOptions.filter((name) => !isOfDetection(name) && name !== "backwardPerClass");
  const own: ExplainOptions = {
    ...thresholds(settings),
    method: method as MethodId,
    ...layerOf(settings, method),
    ...(versus !== "" ? { versus } : score !== "auto" ? { backprop: [score as ScoreId] } : {}),
    ...changedOptions(settings, ofMap),
  };
  if (subject.kind === "box") return { ...own, box: subject.box };
  if (subject.kind === "detections") return { ...own, per: "detection", detections: subject.indices };
  const ofImage = { ...own, ...(classFilter === "" ? {} : { classNames: [classFilter] }) };
  if (settings.backwardPerClass) return { ...ofImage, backwardPerClass: true };
  return subject.kind === "image" ? { ...ofImage, per: "detection" } : ofImage;
}

function layerOf({ layer }: Settings, method: string): Pick<ExplainOptions, "layer"> {
  if (layer === "auto" || !methodOf(method).takesLayer) return {};
  return { layer: /^-?\d+$/.test(layer) ? Number(layer) : layer };
}

/** The cache key of a request. It does not include the detections. */
export function requestKey(request: ExplainOptions): string {
  const { classNames: _, detections: __, box: ___, ...rest } = request;
  return JSON.stringify(rest);
}

/** Where a model is. `base`: URL of the page's folder. */
export function weightsSource(weights: Weights, base: string): WeightsSource {
  return weights.kind === "file" ? weights.file : { description: new URL("weights/default.json", base) };
}

/** The options to open a model. With `withoutGpu`, the device "auto" means the CPU. */
export function openOptions(weights: Weights, settings: Settings, withoutGpu: boolean): OpenOptions {
  const { device, threads } = settings;
  const input = inputOf(settings);
  return {
    ...{ device: withoutGpu && device === "auto" ? "wasm" : device, threads, keepForward: true },
    ...(weights.kind === "file" && weights.beside ? { beside: weights.beside } : {}),
    ...(Object.keys(input).length === 0 ? {} : { input }),
  };
}

/** How images are prepared, as far as the user decides it. */
function inputOf(settings: Settings): InputOptions {
  const { inputFit, inputCrop, inputMean, inputStd, inputRange, inputChannels, inputPadding } = settings;
  const [mean, std] = [threeNumbers(inputMean), threeNumbers(inputStd)];
  return {
    ...(inputFit === "auto" ? {} : { fit: inputFit }),
    ...(inputFit === "crop" ? { crop: inputCrop } : {}),
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
    ...(inputRange === "auto" ? {} : { range: Number(inputRange) as 1 | 255 }),
    ...(inputChannels === "auto" ? {} : { channels: inputChannels }),
    ...(inputPadding === "auto" ? {} : { padding: inputPadding }),
  };
}

export function nameOf(weights: Weights): string {
  return weights.kind === "file" ? weights.file.name : "the default weights";
}
