import { type DetectionMap, type ExplainResult, jointMap, type Map2D } from "@whybox/core";
import type { ExplainRequest, HeatMap, HeatResult } from "../protocol.js";

/** A result with finished heatmaps. Maps are made when they are read, so for a joint map only one of them is in memory at a time. */
export function heatResult(result: ExplainResult, { per, detections: named }: ExplainRequest): HeatResult {
  const { method, backprop, detections, asked, layers, notes, searched, measured, empty, timings } = result;
  const isJoint = per === "detection" && named === undefined && result.maps.length > 0;
  const map = isJoint ? jointMap(heatmapsOf(result)) : result.heatmap;
  return {
    ...{ method, backprop, detections, asked, layers, notes, searched, measured, empty, timings },
    whole: { detections: result.explained, className: asked?.className ?? "", ...plain(map) },
    maps: (isJoint ? [] : result.maps).map((map: DetectionMap): HeatMap => {
      return { detections: map.detections, className: map.className, ...plain(map.heatmap) };
    }),
  };
}

function* heatmapsOf({ maps }: ExplainResult): Generator<Map2D> {
  for (const { heatmap } of maps) yield heatmap;
}

/** A copy in memory that can be transferred. */
function plain({ width, height, data }: Map2D): Pick<HeatMap, "width" | "height" | "data"> {
  return {
    width,
    height,
    data: data.buffer instanceof ArrayBuffer ? (data as HeatMap["data"]) : new Float32Array(data),
  };
}
