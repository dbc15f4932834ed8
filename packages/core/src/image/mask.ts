import type { Size } from "./frame.js";

/**
 * A binary mask of an image, run-length encoded as COCO's uncompressed RLE (`pycocotools`). Pixels are in column order: top to bottom, then left to
 * right. Runs of 0 and runs of 1 alternate, and the first is a run of 0. The encoding is small even for a large image.
 */
export interface Mask {
  /** `[h, w]` of the image. */
  readonly size: Size;
  /** Lengths of the runs. The sum is `h · w`. */
  readonly counts: readonly number[];
}

/** Encodes the runs of a mask, column by column. */
export class MaskWriter {
  readonly #counts: number[] = [0];

  /** Adds `count` pixels of one value. */
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

/** Returns the pixels of a mask, row-major, `[h, w]`: 1 inside, 0 outside. */
export function maskPixels({ size: [height, width], counts }: Mask): Uint8Array {
  const pixels = new Uint8Array(height * width);
  let at = 0;
  counts.forEach((count, i) => {
    if (i % 2 === 1) for (let p = at; p < at + count; p++) pixels[(p % height) * width + Math.floor(p / height)] = 1;
    at += count;
  });
  return pixels;
}

/** Returns the number of pixels inside the mask. */
export function maskArea({ counts }: Mask): number {
  return counts.reduce((sum, count, i) => sum + (i % 2 === 1 ? count : 0), 0);
}

/** The rectangle that contains all pixels of a mask. */
export interface MaskRegion {
  /** Position in the image. Negative if the margin is partly outside the image. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** 1 inside, 0 outside, row-major. */
  readonly pixels: Uint8Array;
}

/** Returns the rectangle that contains all pixels of a mask, with `margin` empty pixels on each side. An empty mask has an empty region. */
export function maskRegion({ size, counts }: Mask, margin: number): MaskRegion {
  const [imageHeight] = size;
  let [left, right, top, bottom] = [Number.POSITIVE_INFINITY, -1, Number.POSITIVE_INFINITY, -1];
  const runs: [start: number, end: number][] = [];
  let at = 0;
  counts.forEach((count, i) => {
    if (i % 2 === 1 && count > 0) runs.push([at, at + count]);
    at += count;
  });
  for (const [start, end] of runs) {
    const columns = [Math.floor(start / imageHeight), Math.floor((end - 1) / imageHeight)] as const;
    const isOneColumn = columns[0] === columns[1];
    left = Math.min(left, columns[0]);
    right = Math.max(right, columns[1]);
    top = Math.min(top, isOneColumn ? start % imageHeight : 0);
    bottom = Math.max(bottom, isOneColumn ? (end - 1) % imageHeight : imageHeight - 1);
  }
  if (right < 0) return { left: 0, top: 0, width: 0, height: 0, pixels: new Uint8Array(0) };
  const [width, height] = [right - left + 1 + 2 * margin, bottom - top + 1 + 2 * margin];
  const pixels = new Uint8Array(width * height);
  for (const [start, end] of runs) {
    for (let p = start; p < end; p++) {
      const [x, y] = [Math.floor(p / imageHeight) - left + margin, (p % imageHeight) - top + margin];
      pixels[y * width + x] = 1;
    }
  }
  return { left: left - margin, top: top - margin, width, height, pixels };
}

/** A rectangle in whole image pixels. `right` and `bottom` are exclusive. */
interface Part {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Resizes a part of a mask. Each output pixel has the value of the source pixel at its centre. */
export function resampleMask(mask: Mask, part: Part, size: Size): Mask {
  const [height, width] = size;
  const region = maskRegion(mask, 0);
  const writer = new MaskWriter();
  for (let x = 0; x < width; x++) {
    const column = Math.floor(part.left + ((x + 0.5) * (part.right - part.left)) / width) - region.left;
    for (let y = 0; y < height; y++) {
      const row = Math.floor(part.top + ((y + 0.5) * (part.bottom - part.top)) / height) - region.top;
      const isInside = column >= 0 && column < region.width && row >= 0 && row < region.height;
      writer.add(isInside && region.pixels[row * region.width + column] === 1);
    }
  }
  return writer.finish(size);
}
