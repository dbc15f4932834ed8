import { WhyboxError } from "../errors.js";
import type { RgbImage } from "./frame.js";

/**
 * The pixels of an image, 8 bits per value, interleaved, row-major: `ImageData` of a canvas, the raw output of a decoder, or an object of your own. One
 * value per pixel is grey, three are RGB, four are RGBA.
 */
export interface PixelArray {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** True for an object with sides and 8-bit data. `rgbPixels` checks the rest. */
export function isPixelArray(value: unknown): value is PixelArray {
  if (typeof value !== "object" || value === null) return false;
  const { width, height, data } = value as Partial<Record<keyof PixelArray, unknown>>;
  const isData = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  return isData && typeof width === "number" && typeof height === "number";
}

/**
 * The pixels as RGB: grey is repeated, and alpha is dropped, as in OpenCV. RGB pixels are returned as they are, without a copy.
 * @throws usage when the sides are not whole numbers of 1 or more, or the data has another length than 1, 3 or 4 values for each pixel.
 */
export function rgbPixels(pixels: PixelArray): RgbImage {
  const { height, width, data } = pixels;
  switch (channelsOf(pixels)) {
    case 3:
      return pixels;
    case 1:
      return { height, width, data: repeated(data) };
    default:
      return { height, width, data: withoutAlpha(data) };
  }
}

function channelsOf({ height, width, data }: PixelArray): number {
  const isWhole = Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0;
  const channels = data.length / (height * width);
  if (isWhole && [1, 3, 4].includes(channels)) return channels;
  throw new WhyboxError(
    "usage",
    `The image is [${height}, ${width}] with ${data.length} bytes. Expected sides that are whole numbers of 1 or more, and for each pixel 3 bytes (RGB), 4 (RGBA) or 1 (grey).`,
    { details: { height, width, length: data.length } },
  );
}

function repeated(grey: PixelArray["data"]): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0, to = 0; i < grey.length; i++) {
    rgb[to++] = grey[i]!;
    rgb[to++] = grey[i]!;
    rgb[to++] = grey[i]!;
  }
  return rgb;
}

function withoutAlpha(rgba: PixelArray["data"]): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from]!;
    rgb[to++] = rgba[from + 1]!;
    rgb[to++] = rgba[from + 2]!;
  }
  return rgb;
}
