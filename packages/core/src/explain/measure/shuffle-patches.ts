import { shuffled } from "../../algebra/shuffled.js";
import type { PlanePart, Size } from "../../image/frame.js";

export interface ShuffleOptions {
  readonly size: Size;
  readonly part: PlanePart;
  /** Side of a patch in pixels. */
  readonly side: number;
  readonly seed: number;
}

/**
 * Puts the patches of a part of planar RGB `[3, H, W]` into a random order. A patch that the part's edge would cut is moved inwards, so that
 * its pixels come from the part too. The rest of the planes stays as it is. Returns new planes.
 */
export function shufflePatches(planes: Float32Array, { size, part, side, seed }: ShuffleOptions): Float32Array {
  const [height, width] = size;
  const corners = cornersOf(part, side);
  const sources = shuffled(Uint32Array.from(corners.keys()), seed);
  const result = planes.slice();
  for (const [i, { y, x }] of corners.entries()) {
    const from = corners[sources[i]!]!;
    const [rows, columns] = [Math.min(side, part.height - y), Math.min(side, part.width - x)];
    // Only a target at the edge is cut. Its source starts further inwards if it is at the edge itself.
    const fromY = Math.max(0, Math.min(from.y, part.height - side));
    const fromX = Math.max(0, Math.min(from.x, part.width - side));
    for (let row = 0; row < 3 * rows; row++) {
      const plane = Math.floor(row / rows) * height + part.top;
      const source = (plane + fromY + (row % rows)) * width + part.left + fromX;
      result.set(planes.subarray(source, source + columns), (plane + y + (row % rows)) * width + part.left + x);
    }
  }
  return result;
}

/** The top left corners of the patches, in pixels of the part. */
function cornersOf({ height, width }: PlanePart, side: number): { readonly y: number; readonly x: number }[] {
  const across = Math.ceil(width / side);
  return Array.from({ length: across * Math.ceil(height / side) }, (_, i) => ({
    y: side * Math.floor(i / across),
    x: side * (i % across),
  }));
}
