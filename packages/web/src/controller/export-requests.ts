import type { DocumentRequest, DrawRequest } from "@whybox/browser/engine";
import { listOf, subjectOf } from "./read-state.js";
import { explainRequest } from "./requests.js";
import type { Settings } from "./settings.js";
import type { ShownMap, State } from "./state.js";

/** The request to draw the current map as an image with its boxes. */
export function drawRequest(state: State, { heat }: ShownMap): DrawRequest {
  const list = listOf(state);
  const detections = heat.detections.map((index) => list[index]).filter((one) => one !== undefined);
  return { heat, detections, ...lookOf(state.settings) };
}

/** The request for the result document of the current map. Undefined if nothing is selected. */
export function documentRequest(state: State, { method }: ShownMap): DocumentRequest | undefined {
  const { settings, photo } = state;
  const subject = subjectOf(state);
  if (subject === undefined) return undefined;
  const source = photo.phase === "ready" ? photo.name : "";
  return { request: explainRequest(settings, subject, method), source, look: lookOf(settings) };
}

function lookOf({ colormap, opacity, crop }: Settings): DocumentRequest["look"] {
  return { colormap, opacity, crop: crop === "off" ? undefined : crop };
}
