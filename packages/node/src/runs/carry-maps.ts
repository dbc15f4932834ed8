import { iouOf } from "../report/truth/judge.js";
import type { Measured } from "./measure.js";
import type { MapLine, RunDetection } from "./schema.js";

/** Minimum IoU of two boxes of the same class in two frames to be the same object. */
const SAME_OBJECT = 0.5;

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
  const partner = pair(found.detections, detections);
  const carried = detections.map((detection, i) => {
    const there = found.detections[partner.get(i) ?? -1];
    if (there === undefined) return detection;
    const { explained, blind, heat } = there;
    return { ...detection, explained, blind, heat };
  });
  const here = new Map([...partner].map(([mine, theirs]) => [theirs, mine]));
  return {
    detections: carried,
    maps: maps.flatMap((map) => {
      const mine = map.detections.flatMap((index) => here.get(index) ?? []).sort((a, b) => a - b);
      return mine.length === 0 ? [] : [{ ...map, detections: mine }];
    }),
    matched: [...partner.keys()].sort((a, b) => a - b),
  };
}

/** Pairs the same objects, the largest overlap first, each object once: index in `now` → index in `before`. */
function pair(before: readonly RunDetection[], now: readonly RunDetection[]): ReadonlyMap<number, number> {
  const overlaps = now.flatMap((one, mine) =>
    before.flatMap((other, theirs) => {
      const iou = one.class === other.class ? iouOf(one.box, other.box) : 0;
      return iou >= SAME_OBJECT ? [{ mine, theirs, iou }] : [];
    }),
  );
  const pairs = new Map<number, number>();
  const taken = new Set<number>();
  for (const { mine, theirs } of overlaps.sort((a, b) => b.iou - a.iou || a.mine - b.mine || a.theirs - b.theirs)) {
    if (pairs.has(mine) || taken.has(theirs)) continue;
    pairs.set(mine, theirs);
    taken.add(theirs);
  }
  return pairs;
}
