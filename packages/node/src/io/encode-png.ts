import { type RgbImage, WhyboxError } from "@whybox/core";
import { loadSharp } from "./load-sharp.js";

/**
 * Encodes an image as PNG (8-bit RGB, lossless).
 * @throws internal when the length of the data does not match the size.
 */
export async function encodePng(image: RgbImage): Promise<Uint8Array> {
  const { height, width, data } = image;
  if (data.length !== height * width * 3) {
    throw new WhyboxError(
      "internal",
      `An image of [${height}, ${width}] needs ${height * width * 3} bytes, got ${data.length}.`,
    );
  }
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png({ compressionLevel: 2, adaptiveFiltering: true }) // photos take half the bytes of the default settings
    .toBuffer();
}
