import type { PixelArray } from "@whybox/core";

/** An image of sharp. Its own operations are applied, and nothing else: without `.autoOrient()` a photo stays as its camera stored it. */
export interface SharpImage {
  clone(): SharpImage;
  metadata(): Promise<object>;
  toBuffer(): Promise<Uint8Array>;
}

/** A canvas of a package such as `@napi-rs/canvas`, `skia-canvas` or `canvas`. */
export interface CanvasImage {
  readonly width: number;
  readonly height: number;
  getContext(kind: "2d"): unknown;
}

/**
 * An image: a path, an http(s) or file URL, an encoded file (as bytes, Blob, File or stream), pixels (`ImageData`, or RGB, RGBA or grey values), an image of
 * sharp, or a canvas. A stream is read to its end.
 */
export type ImageSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | PixelArray
  | SharpImage
  | CanvasImage;

/** The forms of an image, for messages. */
export const IMAGE_FORMS =
  "a path, a URL, an encoded file (Buffer, Uint8Array, ArrayBuffer, Blob or stream), pixels ({ width, height, data } as RGB, RGBA or grey), a sharp image, or a canvas";
