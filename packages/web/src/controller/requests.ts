import type { AskedBox } from "@whybox/core";
import type { ExplainRequest } from "../protocol.js";
import { methodOf } from "./methods.js";
import type { Settings } from "./settings.js";

/** What a heatmap is about: the whole picture, some of its detections, or a box that somebody drew. */
export type Subject =
  | { readonly kind: "image" }
  | { readonly kind: "detections"; readonly indices: readonly number[] }
  | { readonly kind: "box"; readonly box: AskedBox };

/** The method that is there at once, while a better one is on its way. */
export const QUICK = "GradCAM";

/** What detection depends on. */
export function detectRequest({ confidence, iou }: Settings): ExplainRequest {
  return { confidence, iou };
}

/** What the engine is asked for. */
export function explainRequest(settings: Settings, subject: Subject, method: string): ExplainRequest {
  const { layer, score, versus, topPercent, perClass, classFilter } = settings;
  const own: ExplainRequest = {
    ...detectRequest(settings),
    method,
    ...(layer === "auto" || !methodOf(method).takesLayer ? {} : { layer: layerSelector(layer) }),
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

function layerSelector(layer: string): number | string {
  return /^-?\d+$/.test(layer) ? Number(layer) : layer;
}

/** Names what a request gives, whatever detections it is about: maps are kept under it. */
export function requestKey(request: ExplainRequest): string {
  const { classNames: _, detections: __, box: ___, ...rest } = request;
  return JSON.stringify(rest);
}
