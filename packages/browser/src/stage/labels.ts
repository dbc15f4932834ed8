import type { MetricBox } from "@whybox/core";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A label to place: its box and its own size, in screen pixels of the photo. */
export interface LabelRequest extends MetricBox, Size {}

/** The position of a label's top left corner in the photo. */
export interface LabelPlace {
  readonly left: number;
  readonly top: number;
}

/** Places labels so that no two of them overlap. The positions are tried in this order: top inside the box, above it, bottom inside,
 * below it, and left before right. Earlier labels are placed first. `undefined` if there is no free position: such a label is shown
 * only when the pointer is on its box.
 */
export function placeLabels(labels: readonly LabelRequest[], photo: Size): readonly (LabelPlace | undefined)[] {
  const taken: (LabelRequest & LabelPlace)[] = [];
  return labels.map((label) => {
    const place = candidates(label, photo).find((one) => !taken.some((other) => overlap({ ...label, ...one }, other)));
    if (place !== undefined) taken.push({ ...label, ...place });
    return place;
  });
}

/** The first position to try. It is used for a label that must be visible even if it covers another one. */
export function firstPlace(label: LabelRequest, photo: Size): LabelPlace {
  return candidates(label, photo)[0]!;
}

function candidates({ x1, y1, x2, y2, width, height }: LabelRequest, photo: Size): readonly LabelPlace[] {
  const fit = (left: number, top: number): LabelPlace => ({
    left: Math.max(0, Math.min(left, photo.width - width)),
    top: Math.max(0, Math.min(top, photo.height - height)),
  });
  const isTall = y2 - y1 > 2.5 * height;
  const tops = isTall ? [y1, y1 - height, y2 - height, y2] : [y1 - height, y2, y1, y2 - height];
  return tops.flatMap((top) => [fit(x1, top), fit(x2 - width, top)]);
}

function overlap(a: LabelRequest & LabelPlace, b: LabelRequest & LabelPlace): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}
