import type { Rect } from "./canvas.js";

/** The size of a label and its box, in whole pixels. */
export interface LabelRequest {
  readonly box: Rect;
  readonly width: number;
  readonly height: number;
}

/** Size of the area that labels must stay in, in whole pixels. */
interface Area {
  readonly width: number;
  readonly height: number;
}

/**
 * Finds a place for each label, in the order of `requests`. The candidates are above the box, inside at the top, below the box, and the same
 * places aligned to the right. All are moved inside the image. If each candidate overlaps another label, the one with the smallest overlap is used.
 */
export function placeLabels(requests: readonly LabelRequest[], area: Area): Rect[] {
  const placed: Rect[] = [];
  for (const request of requests) {
    const candidates = candidatesOf(request).map((rect) => keepInside(rect, area));
    const free = candidates.find((rect) => placed.every((other) => overlap(rect, other) === 0));
    placed.push(free ?? leastCovering(candidates, placed));
  }
  return placed;
}

function candidatesOf({ box, width, height }: LabelRequest): Rect[] {
  const lefts = [box.left, box.right - width];
  const tops = [box.top - height, box.top, box.bottom, box.bottom - height, box.top + height, box.top - 2 * height];
  return tops.flatMap((top) => lefts.map((left) => ({ left, top, right: left + width, bottom: top + height })));
}

/** A label that is larger than the image starts at the image's left and top edge. */
function keepInside(rect: Rect, area: Area): Rect {
  const width = rect.right - rect.left;
  const height = rect.bottom - rect.top;
  const left = Math.max(0, Math.min(rect.left, area.width - width));
  const top = Math.max(0, Math.min(rect.top, area.height - height));
  return { left, top, right: left + width, bottom: top + height };
}

function leastCovering(candidates: readonly Rect[], placed: readonly Rect[]): Rect {
  const covered = candidates.map((rect) => placed.reduce((sum, other) => sum + overlap(rect, other), 0));
  return candidates[covered.indexOf(Math.min(...covered))]!;
}

/** Area of the intersection of two rectangles. */
function overlap(a: Rect, b: Rect): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}
