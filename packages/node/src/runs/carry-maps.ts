import type { Measured } from "./measure.js";
import { pairDetections, SAME_OBJECT } from "./pair-detections.js";
import type { MapLine, RunDetection } from "./schema.js";

export interface Carried {
  /** The detections, with the heat of the same objects in the explained frame. */
  readonly detections: RunDetection[];
  readonly maps: MapLine["maps"];
  /** Indices of detections that are also in the explained frame. */
  readonly matched: readonly number[];
}

/**
 * Copies the heat and the maps of an explained frame to the same objects in another frame. Other objects get no heat and no map.
 * @param detections The detections of the other frame, without heat.
 */
export function carryMaps({ found, maps }: Measured, detections: readonly RunDetection[]): Carried {
  const pairs = pairDetections(found.detections, detections, { iou: SAME_OBJECT, by: "class" });
  const partner = new Map(pairs.map(({ first, second }) => [second, first]));
  const carried = detections.map((detection, i) => {
    const there = found.detections[partner.get(i) ?? -1];
    if (there === undefined) return detection;
    const { explained, blind, heat } = there;
    return { ...detection, explained, blind, heat };
  });
  const here = new Map(pairs.map(({ first, second }) => [first, second]));
  return {
    detections: carried,
    maps: maps.flatMap((map) => {
      const mine = map.detections.flatMap((index) => here.get(index) ?? []).sort((a, b) => a - b);
      return mine.length === 0 ? [] : [{ ...map, detections: mine }];
    }),
    matched: [...partner.keys()].sort((a, b) => a - b),
  };
}
