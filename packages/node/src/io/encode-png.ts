import { type RgbImage, WhyboxError } from "@whybox/core";
import sharp from "sharp";

/**
 * Encodes a picture as PNG (8-bit RGB, lossless).
 * @throws internal when the picture's data does not fit its size.
 */
export async function encodePng(image: RgbImage): Promise<Uint8Array> {
  const { height, width, data } = image;
  if (data.length !== height * width * 3) {
    throw new WhyboxError("internal", `A picture of [${height}, ${width}] cannot have ${data.length} bytes.`);
  }
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png({ compressionLevel: 2, adaptiveFiltering: true }) // half the bytes of the default on photos, for a little more time
    .toBuffer();
}
