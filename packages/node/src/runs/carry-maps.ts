import { iouOf } from "../report/truth/judge.js";
import type { Measured } from "./measure.js";
import type { MapLine, RunDetection } from "./schema.js";

/** Boxes of one class in two frames that overlap so much are the same object. */
const SAME_OBJECT = 0.5;

export interface Carried {
  /** With what the explained frame says of the same objects' maps. */
  readonly detections: RunDetection[];
  readonly maps: MapLine["maps"];
  /** Indices of detections that were found in the explained frame, too. */
  readonly matched: readonly number[];
}

/**
 * Gives detections of one frame the heat and the maps of the same objects in another, which was explained. What was not found there has none.
 * @param detections without heat.
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

/** The same objects, by the largest overlap first, each once: index among `now` → index among `before`. */
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
