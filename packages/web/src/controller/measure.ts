import type { HeatMap } from "@whybox/browser/engine";
import { energyInBox, jointMap, type Map2D, type MetricBox, peakOf } from "@whybox/core";
import type { MapFacts } from "./state.js";

/** The numbers of a map. Some of them need a box. */
export function measure(map: Map2D, box: MetricBox | undefined): MapFacts {
  const [x, y] = peakOf(map);
  const hasHeat = map.data[y * map.width + x]! > 0;
  const { energy, area } = box === undefined ? { energy: 0, area: 0 } : energyInBox(map, box);
  const isInside = ({ x1, y1, x2, y2 }: MetricBox) => x + 0.5 >= x1 && x + 0.5 < x2 && y + 0.5 >= y1 && y + 0.5 < y2;
  return {
    energy: box === undefined ? undefined : { inside: energy, area },
    peak: hasHeat ? { x, y, insideBox: box && isInside(box) } : undefined,
  };
}

/** One map of several, each scaled to its own maximum. Returns a single map unchanged. */
export function joinMaps(maps: readonly HeatMap[]): HeatMap {
  const [first, ...others] = maps as readonly [HeatMap, ...HeatMap[]];
  if (others.length === 0) return first;
  const data = jointMap(maps).data as HeatMap["data"];
  return { ...first, detections: maps.flatMap(({ detections }) => detections), data };
}
