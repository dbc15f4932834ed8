import { iouOf } from "../report/truth/judge.js";
import type { RunDetection } from "./schema.js";

/** Minimum IoU of two boxes of the same class to be the same object. */
export const SAME_OBJECT = 0.5;

export interface PairOptions {
  /** Minimum IoU of two boxes to be the same object. */
  readonly iou: number;
  /** What names the class: its number, or its name (for detections of two models). */
  readonly by: "class" | "name";
}

export interface DetectionPair {
  /** Index in the first list. */
  readonly first: number;
  /** Index in the second list. */
  readonly second: number;
  readonly iou: number;
}

/** Pairs the detections of the same objects in two lists, the largest overlap first, each detection once. */
export function pairDetections(
  first: readonly RunDetection[],
  second: readonly RunDetection[],
  { iou: min, by }: PairOptions,
): DetectionPair[] {
  const overlaps = first.flatMap((one, i) =>
    second.flatMap((other, j) => {
      const iou = one[by] === other[by] ? iouOf(one.box, other.box) : 0;
      return iou >= min ? [{ first: i, second: j, iou }] : [];
    }),
  );
  const pairs: DetectionPair[] = [];
  const taken = { first: new Set<number>(), second: new Set<number>() };
  for (const pair of overlaps.sort((a, b) => b.iou - a.iou || a.second - b.second || a.first - b.first)) {
    if (taken.first.has(pair.first) || taken.second.has(pair.second)) continue;
    taken.first.add(pair.first);
    taken.second.add(pair.second);
    pairs.push(pair);
  }
  return pairs;
}
