import { WhyboxError } from "@whybox/core";

/** The formats of image files, for messages. */
export const FORMATS = "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF";

/** Maximum size of an encoded file. An image of 100 million pixels stays below it in each format, except uncompressed TIFF. */
export const MAX_BYTES = 512 * 2 ** 20;

/** @throws limit when the image has more pixels than `maxPixels`. */
export function checkSize(
  { width, height }: { readonly width: number; readonly height: number },
  name: string,
  maxPixels: number,
): void {
  if (width * height <= maxPixels) return;
  throw new WhyboxError(
    "limit",
    `${name} has ${width} × ${height} = ${count(width * height)} pixels; the limit is ${count(maxPixels)}. Shrink it or cut it into tiles. The network scales it down to a few hundred pixels per side in any case.`,
    { details: { file: name, width, height, maxPixels } },
  );
}

function count(pixels: number): string {
  return pixels >= 1e7 ? `${Math.round(pixels / 1e6)} million` : String(pixels);
}
