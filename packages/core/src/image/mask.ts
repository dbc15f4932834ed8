import type { Size } from "./frame.js";

/**
 * A binary mask of a picture, run-length encoded as COCO's uncompressed RLE (`pycocotools`): pixels column by column, top to bottom and left to
 * right; lengths of runs of 0 and of 1 in turn, the first of 0. Memory and JSON stay small, however large the picture.
 */
export interface Mask {
  /** `[h, w]` of the picture. */
  readonly size: Size;
  /** Sums to h · w. */
  readonly counts: readonly number[];
}

/** Writes the runs of a mask, column by column. */
export class MaskWriter {
  readonly #counts: number[] = [0];

  /** `count` more pixels of one value. */
  add(isSet: boolean, count = 1): void {
    if (count === 0) return;
    const runsAreSet = this.#counts.length % 2 === 0;
    if (isSet !== runsAreSet) this.#counts.push(0);
    this.#counts[this.#counts.length - 1]! += count;
  }

  finish(size: Size): Mask {
    return { size, counts: this.#counts };
  }
}

/** The pixels that are set, row by row: 1 inside, 0 outside, `[h, w]`. */
export function maskPixels({ size: [height, width], counts }: Mask): Uint8Array {
  const pixels = new Uint8Array(height * width);
  let at = 0;
  counts.forEach((count, i) => {
    if (i % 2 === 1) for (let p = at; p < at + count; p++) pixels[(p % height) * width + Math.floor(p / height)] = 1;
    at += count;
  });
  return pixels;
}

/** Number of pixels that are set. */
export function maskArea({ counts }: Mask): number {
  return counts.reduce((sum, count, i) => sum + (i % 2 === 1 ? count : 0), 0);
}
