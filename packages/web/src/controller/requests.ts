import type { AskedBox } from "@whybox/core";
import { type DetectRequest, type ExplainRequest, type OpenRequest, QUICK, type Weights } from "../protocol.js";
import { methodOf } from "./methods.js";
import type { Settings } from "./settings.js";

/** What a heatmap is about: the whole picture, some of its detections, or a box that somebody drew. */
export type Subject =
  | { readonly kind: "image" }
  | { readonly kind: "detections"; readonly indices: readonly number[] }
  | { readonly kind: "box"; readonly box: AskedBox };

/** The methods that run for a map, one after another: a quick one at once, then the one that was asked for. */
export function methodsOf({ method }: Settings): readonly string[] {
  return methodOf(method).cost === "fast" ? [method] : [QUICK, method];
}

/** What detection depends on. */
export function thresholds({ confidence, iou }: Settings): Pick<DetectRequest, "confidence" | "iou"> {
  return { confidence, iou };
}

/** A detection, with the first map in mind. */
export function detectRequest(settings: Settings): DetectRequest {
  const method = methodsOf(settings)[0]!;
  return { ...thresholds(settings), ahead: { method, per: "detection", ...layerOf(settings, method) } };
}

/** What the engine is asked for. */
export function explainRequest(settings: Settings, subject: Subject, method: string): ExplainRequest {
  const { score, versus, topPercent, perClass, classFilter } = settings;
  const own: ExplainRequest = {
    ...thresholds(settings),
    method,
    ...layerOf(settings, method),
    ...(versus !== "" ? { versus } : score !== "auto" ? { backprop: [score] } : {}),
    ...(topPercent < 100 ? { keepTopPercent: topPercent } : {}),
  };
  if (subject.kind === "box") return { ...own, box: subject.box };
  if (subject.kind === "image") {
    return {
      ...own,
      ...(classFilter === "" ? {} : { classNames: [classFilter] }),
      ...(perClass ? { backwardPerClass: true } : {}),
    };
  }
  return { ...own, per: "detection", detections: subject.indices };
}

function layerOf({ layer }: Settings, method: string): Pick<ExplainRequest, "layer"> {
  if (layer === "auto" || !methodOf(method).takesLayer) return {};
  return { layer: /^-?\d+$/.test(layer) ? Number(layer) : layer };
}

/** Names what a request gives, whatever detections it is about: maps are kept under it. */
export function requestKey(request: ExplainRequest): string {
  const { classNames: _, detections: __, box: ___, ...rest } = request;
  return JSON.stringify(rest);
}

/** A model to open; `withoutGpu` where "auto" is to mean the CPU. */
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
