import type { DocumentOptions, HeatDrawing, HeatLook } from "@whybox/browser";
import { listOf, subjectOf } from "./read-state.js";
import { explainRequest } from "./requests.js";
import type { Settings } from "./settings.js";
import type { ShownMap, State } from "./state.js";

/** The request to draw the current map as an image with its boxes. */
export function drawRequest(state: State, { heat }: ShownMap): HeatDrawing {
  const list = listOf(state);
  const detections = heat.detections.map((index) => list[index]).filter((one) => one !== undefined);
  return { heat, detections, ...lookOf(state.settings) };
}

/** The request for the result document of the current map. Undefined if nothing is selected. */
export function documentRequest(state: State, { method }: ShownMap): DocumentOptions | undefined {
  const { settings, photo } = state;
  const subject = subjectOf(state);
  if (subject === undefined) return undefined;
  const source = photo.phase === "ready" ? photo.name : "";
  return { ...explainRequest(settings, subject, method), source, look: lookOf(settings) };
}

function lookOf({ colormap, opacity, crop }: Settings): HeatLook {
  return { colormap, opacity, ...(crop === "off" ? {} : { crop }) };
}
