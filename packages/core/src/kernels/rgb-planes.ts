/** 8-bit pixels of three interleaved channels; an `RgbImage` is one. */
export interface BytePixels {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** The target of an image: three planes of `height × width` floats, one after the other, the image's corner at `top`, `left`. */
export interface Planes {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
  readonly top: number;
  readonly left: number;
}
