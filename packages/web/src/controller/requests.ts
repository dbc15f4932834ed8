import { type DetectRequest, type ExplainRequest, type OpenRequest, QUICK, type Weights } from "@whybox/browser/engine";
import type { AskedBox, MethodId, ScoreId } from "@whybox/core";
import { methodOf } from "./methods.js";
import { changedOptions, isOfDetection, pageOptions } from "./page-options.js";
import type { Settings } from "./settings.js";

/** The subject of a heatmap: the whole image, some of its detections, or a box that the user drew. */
export type Subject =
  | { readonly kind: "image" }
  | { readonly kind: "detections"; readonly indices: readonly number[] }
  | { readonly kind: "box"; readonly box: AskedBox };

/** The methods that run for a map, one after another: first the quick one, then the chosen one. */
export function methodsOf({ method }: Settings): readonly string[] {
  return methodOf(method).cost === "fast" ? [method] : [QUICK, method];
}

/** The settings that detection depends on. */
export function thresholds(settings: Settings): Pick<DetectRequest, "confidence" | "iou"> {
  const { confidence, iou } = settings;
  return { ...changedOptions(settings, pageOptions.filter(isOfDetection)), confidence, iou };
}

/** A detection request that also prepares the first maps. */
export function detectRequest(settings: Settings): DetectRequest {
  const ahead = methodsOf(settings).map((method) => ({
    method: method as MethodId,
    per: "detection" as const,
    ...layerOf(settings, method),
  }));
  return { ...thresholds(settings), ahead };
}

export function explainRequest(settings: Settings, subject: Subject, method: string): ExplainRequest {
  const { score, versus, classFilter } = settings;
  // One pass for each class has a meaning for the whole image only.
  const ofMap = pageOptions.filter((name) => !isOfDetection(name) && name !== "backwardPerClass");
  const own: ExplainRequest = {
    ...thresholds(settings),
    method: method as MethodId,
    ...layerOf(settings, method),
    ...(versus !== "" ? { versus } : score !== "auto" ? { backprop: [score as ScoreId] } : {}),
    ...changedOptions(settings, ofMap),
  };
  if (subject.kind === "box") return { ...own, box: subject.box };
  if (subject.kind === "image") {
    return {
      ...own,
      ...(classFilter === "" ? {} : { classNames: [classFilter] }),
      ...changedOptions(settings, ["backwardPerClass"]),
    };
  }
  return { ...own, per: "detection", detections: subject.indices };
}

function layerOf({ layer }: Settings, method: string): Pick<ExplainRequest, "layer"> {
  if (layer === "auto" || !methodOf(method).takesLayer) return {};
  return { layer: /^-?\d+$/.test(layer) ? Number(layer) : layer };
}

/** The cache key of a request. It does not include the detections. */
export function requestKey(request: ExplainRequest): string {
  const { classNames: _, detections: __, box: ___, ...rest } = request;
  return JSON.stringify(rest);
}

/** The request to open a model. With `withoutGpu`, the device "auto" means the CPU. */
export function openRequest(
  base: string,
  weights: Weights,
  { device, threads }: Settings,
  withoutGpu: boolean,
): OpenRequest {
  return { base, weights, device: withoutGpu && device === "auto" ? "wasm" : device, threads };
}

export function nameOf(weights: Weights): string {
  return weights.kind === "file" ? weights.name : "the default weights";
}
