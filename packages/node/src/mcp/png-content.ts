import type { RgbImage } from "@whybox/core";
import { loadSharp } from "../io/load-sharp.js";

/** Longest side of an image in an answer, in pixels. */
const SIDE = 1024;
/** Maximum size of an image in an answer, in bytes. */
export const MAX_IMAGE_BYTES = 1_000_000;
const SMALLEST = 64;

/** An image as content of an answer: a PNG of at most `MAX_IMAGE_BYTES`. */
export async function pngContent({ height, width, data }: RgbImage) {
  const sharp = await loadSharp();
  for (let side = SIDE; ; side = Math.round(side * 0.75)) {
    const png = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
      .resize({ width: side, height: side, fit: "inside", withoutEnlargement: true })
      .png({ compressionLevel: 9 })
      .toBuffer();
    if (png.length <= MAX_IMAGE_BYTES || side <= SMALLEST) {
      return { type: "image" as const, data: png.toString("base64"), mimeType: "image/png" };
    }
  }
}
