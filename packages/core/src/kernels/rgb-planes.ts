/** 8-bit pixels with three interleaved channels. An `RgbImage` has these fields. */
export interface BytePixels {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** The output buffer of an image: three consecutive planes of `height × width` floats. The image's top left corner is at `top`, `left`. */
export interface Planes {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
  readonly top: number;
  readonly left: number;
}
