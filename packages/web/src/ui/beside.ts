import type { Size } from "@whybox/browser/element";
import type { MetricBox } from "@whybox/core";

export type { Size };

export interface BesidePlace {
  readonly left: number;
  readonly top: number;
}

/** Distance to the box, so that its handles can be reached, and to the edge of the photo. */
const GAP = 22;
const EDGE = 8;

/**
 * Places a form beside a box on the photo, all in screen pixels: right of it, else left, below or above. If there is no room, it is below the box and
 * reaches over the edge of the photo.
 */
export function placeBeside({ x1, y1, x2, y2 }: MetricBox, form: Size, photo: Size): BesidePlace {
  const clamp = (value: number, max: number): number => Math.max(EDGE, Math.min(value, max - EDGE));
  const left = clamp(x1, photo.width - form.width);
  const top = clamp((y1 + y2 - form.height) / 2, photo.height - form.height);
  if (x2 + GAP + form.width <= photo.width - EDGE) return { left: x2 + GAP, top };
  if (x1 - GAP - form.width >= EDGE) return { left: x1 - GAP - form.width, top };
  const below = y2 + GAP;
  const above = y1 - GAP - form.height;
  if (below + form.height <= photo.height - EDGE) return { left, top: below };
  return { left, top: above >= EDGE ? above : below };
}
