import type { Point } from "../frame.js";
import { blendPixel, type Canvas, type Colour } from "./canvas.js";

/** A straight line with round ends. A line from a point to itself is a disc. */
export type Segment = readonly [from: Point, to: Point];

/**
 * Draws anti-aliased lines, `2 · radius` pixels wide. Where lines meet, each pixel is drawn once, so that translucent lines have no darker joints.
 * Parts outside the canvas are not drawn.
 */
export function strokeSegments(
  canvas: Canvas,
  segments: readonly Segment[],
  radius: number,
  colour: Colour,
  alpha = 1,
): void {
  segments.forEach((segment, i) => {
    eachPixelNear(canvas, segment, radius + 1, (x, y) => {
      const own = distanceTo(segment, x + 0.5, y + 0.5);
      const cover = Math.min(Math.max(radius + 0.5 - own, 0), 1);
      if (cover === 0) return;
      const isNearer = (other: Segment, j: number): boolean => {
        const theirs = distanceTo(other, x + 0.5, y + 0.5);
        return theirs < own || (theirs === own && j < i);
      };
      if (!segments.some((other, j) => j !== i && isNearer(other, j))) {
        blendPixel(canvas, y * canvas.width + x, colour, alpha * cover);
      }
    });
  });
}

/** Visits the pixels of the canvas that may be within `reach` of a segment. */
function eachPixelNear(
  { height, width }: Canvas,
  [[x1, y1], [x2, y2]]: Segment,
  reach: number,
  visit: (x: number, y: number) => void,
): void {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const first = Math.max(0, Math.floor(Math.min(y1, y2) - reach));
  const last = Math.min(height - 1, Math.ceil(Math.max(y1, y2) + reach));
  for (let y = first; y <= last; y++) {
    let [left, right] = [Math.min(x1, x2) - reach, Math.max(x1, x2) + reach];
    if (Math.abs(dy) > 1e-9) {
      const middle = x1 + ((y + 0.5 - y1) * dx) / dy;
      const half = reach * Math.hypot(1, dx / dy);
      [left, right] = [Math.max(left, middle - half), Math.min(right, middle + half)];
    }
    const end = Math.min(width - 1, Math.ceil(right));
    for (let x = Math.max(0, Math.floor(left)); x <= end; x++) visit(x, y);
  }
}

function distanceTo([[x1, y1], [x2, y2]]: Segment, x: number, y: number): number {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(Math.max(((x - x1) * dx + (y - y1) * dy) / length, 0), 1);
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}
