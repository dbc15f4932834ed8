import type { Predictions } from "../detector/detection.js";
import type { Box } from "../image/frame.js";
import { iouOfRow, nearestRows } from "./iou.js";

/** Bounds of the boxes of consecutive rows that change: x, y, w, h of each row. */
export interface BoxBounds {
  /** The first of these rows in the predictions. */
  readonly first: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** More than the error of an IoU whose edges are rounded to float32. */
const ROUNDING = 1e-3;

/**
 * The rows that may be among the `count` rows nearest to a box, for all boxes within the bounds, in ascending order. Undefined if fewer than `count` rows are
 * certain to overlap with the box, so that nothing can be excluded.
 */
export function nearCandidates(
  base: Predictions,
  bounds: BoxBounds,
  box: Box<"input">,
  count: number,
): number[] | undefined {
  const { first, low } = bounds;
  const end = first + low.length / 4;
  const most = Float64Array.from({ length: end - first }, (_, i) => highestIou(bounds, i, box));
  const fixed = nearestRows(base, box, count, (row) => row >= first && row < end);
  const certain = fixed.map((row) => iouOfRow(base, row, box));
  for (let i = 0; i < most.length; i++) if (most[i]! > 0) certain.push(lowestIou(bounds, i, box));
  const bound = certain.toSorted((a, b) => b - a)[count - 1] ?? 0;
  if (!(bound > ROUNDING)) return undefined;
  const rows = fixed.filter((_, i) => certain[i]! >= bound - 2 * ROUNDING);
  for (let i = 0; i < most.length; i++) if (most[i]! >= bound - 2 * ROUNDING) rows.push(first + i);
  return rows.sort((a, b) => a - b);
}

function highestIou({ low, high }: BoxBounds, i: number, { x1, y1, x2, y2 }: Box<"input">): number {
  const at = 4 * i;
  const shared = (axis: number, start: number, end: number): number => {
    const half = high[at + 2 + axis]! / 2;
    return Math.max(0, Math.min(end, high[at + axis]! + half) - Math.max(start, low[at + axis]! - half));
  };
  const inter = Math.min(shared(0, x1, x2), high[at + 2]!) * Math.min(shared(1, y1, y2), high[at + 3]!);
  const area = Math.max(inter, low[at + 2]! * low[at + 3]!);
  return inter > 0 ? inter / ((x2 - x1) * (y2 - y1) + area - inter) : 0;
}

function lowestIou({ low, high }: BoxBounds, i: number, { x1, y1, x2, y2 }: Box<"input">): number {
  const at = 4 * i;
  const shared = (axis: number, start: number, end: number): number => {
    const half = low[at + 2 + axis]! / 2;
    const of = (centre: number): number => Math.min(end, centre + half) - Math.max(start, centre - half);
    // The overlap has one maximum, so it is lowest at an end.
    return Math.max(0, Math.min(of(low[at + axis]!), of(high[at + axis]!)));
  };
  const inter = shared(0, x1, x2) * shared(1, y1, y2);
  const area = high[at + 2]! * high[at + 3]!;
  return inter > 0 ? inter / ((x2 - x1) * (y2 - y1) + area - inter) : 0;
}
