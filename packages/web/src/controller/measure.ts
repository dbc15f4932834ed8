import type { HeatMap } from "@whybox/browser";
import { boxHeat, jointMap, type Map2D, type MetricBox, peakOf } from "@whybox/core";
import type { MapFacts } from "./state.js";

/** The numbers of a map. Some of them need a box. */
export function measure(map: Map2D, box: MetricBox | undefined): MapFacts {
  const inBox = box && boxHeat(map, box);
  const [x, y] = inBox === undefined ? peakOf(map) : [Math.floor(inBox.peak[0]), Math.floor(inBox.peak[1])];
  const hasHeat = map.data[y * map.width + x]! > 0;
  return {
    energy: inBox && { inside: inBox.inBox, area: inBox.area },
    peak: hasHeat ? { x, y, insideBox: inBox?.peakInBox } : undefined,
  };
}

/** One map of several, each scaled to its own maximum. Returns a single map unchanged. */
export function joinMaps(maps: readonly HeatMap[]): HeatMap {
  const [first, ...others] = maps as readonly [HeatMap, ...HeatMap[]];
  if (others.length === 0) return first;
  const data = jointMap(maps).data as HeatMap["data"];
  return { ...first, detections: maps.flatMap(({ detections }) => detections), data };
}
