import { type Detection, type ExplainResult, energyInBox } from "@whybox/core";
import { percent } from "../stage/parts.js";

/** What a screen reader hears of a result: the selected detection and its heat, else the list. */
export function spokenText(result: ExplainResult, detections: readonly Detection[], selected?: number): string {
  const one = detections.find(({ index }) => index === selected);
  const own = result.maps.find(({ detections: of }) => of.length === 1 && of[0] === one?.index);
  if (one === undefined || own === undefined) return result.empty?.message ?? listOf(detections);
  const { energy } = energyInBox(own.heatmap, one.boxImage);
  return `${one.className}, ${percent(one.confidence)}. ${percent(energy)} of the heat is in the box.`;
}

function listOf(detections: readonly Detection[]): string {
  const names = detections.slice(0, 8).map(({ className, confidence }) => `${className} ${percent(confidence)}`);
  return detections.length === 0 ? "Nothing was detected." : `${detections.length} detected: ${names.join(", ")}.`;
}
