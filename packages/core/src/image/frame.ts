/**
 * The frames of coordinates. `image`: pixels of the picture as decoded (EXIF orientation applied), origin at its top left
 * corner. `input`: pixels of the network's input after letterboxing. `cell`: cells of one layer's grid.
 * Points are `[x, y]`, sizes `[h, w]`.
 */
export type Frame = "image" | "input";

/** A point `[x, y]`, in the frame that its owner says. */
export type Point = readonly [x: number, y: number];

/** A box by its corners, in the frame it says. Continuous pixel coordinates: a pixel covers [i, i + 1). */
export interface Box<F extends Frame> {
  readonly frame: F;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** Size of a picture or a grid, `[height, width]`. */
export type Size = readonly [height: number, width: number];

/** A decoded picture: 8-bit RGB, interleaved, row-major; `data.length === height * width * 3`. */
export interface RgbImage {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** How a picture was fitted into the network's input: scaled to `contentSize`, then padded with grey. */
export interface Letterbox {
  readonly imageSize: Size;
  readonly inputSize: Size;
  /** Size of the scaled picture inside the input. */
  readonly contentSize: Size;
  /** Input pixels per image pixel (one number: the aspect is kept). */
  readonly scale: number;
  readonly padTop: number;
  readonly padLeft: number;
}
