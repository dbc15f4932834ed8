import { WhyboxError } from "@whybox/core";

/** The formats of image files, for messages. */
export const FORMATS = "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF";

/** Maximum size of an encoded file. An image of 100 million pixels stays below it in each format, except uncompressed TIFF. */
export const MAX_BYTES = 512 * 2 ** 20;

/** Maximum width and height, as in OpenCV. Decoders hold some rows at a time, so a few very long rows take as much memory as a large image. */
const MAX_SIDE = 2 ** 20;

interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** @throws limit when the image has more pixels than `maxPixels`, or a side that is too long. */
export function checkSize({ width, height }: ImageSize, name: string, maxPixels: number): void {
  if (Math.max(width, height) > MAX_SIDE) {
    throw new WhyboxError(
      "limit",
      `${name} has ${width} × ${height} pixels; the limit is ${MAX_SIDE} for each side. Cut it into tiles.`,
      { details: { file: name, width, height, maxSide: MAX_SIDE } },
    );
  }
  if (width * height <= maxPixels) return;
  throw new WhyboxError(
    "limit",
    `${name} has ${width} × ${height} = ${count(width * height)} pixels; the limit is ${count(maxPixels)}. Shrink it or cut it into tiles. The network scales it down to a few hundred pixels per side in any case.`,
    { details: { file: name, width, height, maxPixels } },
  );
}

/** No GIF has more pixels for each byte: a code of 12 bits stands for less than 4096 pixels. */
const GIF_PIXELS = 4096;

/**
 * Checks the size that the decoder found against the file. A GIF grows to hold its first frame, wherever that is. Some programs write a screen that is
 * too small, so a larger frame is refused only if the file cannot hold its pixels.
 * @throws when the file is damaged.
 */
export function checkGrowth(bytes: Uint8Array, { width, height }: ImageSize): void {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const screen = { width: header.getUint16(6, true), height: header.getUint16(8, true) };
  const grows = width > screen.width || height > screen.height;
  if (!grows || width * height <= GIF_PIXELS * bytes.length) return;
  throw new Error(
    `its first frame ends at ${width} × ${height} pixels, but its screen has ${screen.width} × ${screen.height}, and ${bytes.length} bytes cannot hold so many`,
  );
}

function count(pixels: number): string {
  return pixels >= 1e7 ? `${Math.round(pixels / 1e6)} million` : String(pixels);
}
