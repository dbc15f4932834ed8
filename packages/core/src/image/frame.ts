/**
 * The frames of coordinates. `image`: pixels of the decoded image (with EXIF orientation applied). The origin is its top left
 * corner. `input`: pixels of the network's input after letterboxing. Points are `[x, y]`, sizes are `[h, w]`.
 */
export type Frame = "image" | "input";

/** A point `[x, y]`. The object that contains it defines the frame. */
export type Point = readonly [x: number, y: number];

/** The corners of a box in its frame. Coordinates are continuous: pixel `i` covers `[i, i + 1)`. */
export interface Box<F extends Frame> {
  readonly frame: F;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** Size of an image or a grid, `[height, width]`. */
export type Size = readonly [height: number, width: number];

/** A decoded image: 8-bit RGB, interleaved, row-major. `data.length === height * width * 3`. */
export interface RgbImage {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * How an image fits into the network's input: it is scaled to `contentSize`, then padded with grey, or cut at the borders of the input. The name is
 * that of the usual way.
 */
export interface Letterbox {
  readonly imageSize: Size;
  readonly inputSize: Size;
  /** Size of the scaled image. With a crop it is larger than the input. */
  readonly contentSize: Size;
  /** Input pixels per image pixel. With a stretched image: along the width. */
  readonly scale: number;
  /** First row of the scaled image in the input. Negative with a crop: so many rows are cut off. */
  readonly padTop: number;
  readonly padLeft: number;
}

/** A part of a plane, in whole pixels. */
export interface PlanePart {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}
