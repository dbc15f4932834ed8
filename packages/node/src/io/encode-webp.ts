import type { RgbImage } from "@whybox/core";
import { loadSharp } from "./load-sharp.js";

/** A small image for a page, as a data URL. */
export async function webpUrl({ height, width, data }: RgbImage): Promise<string> {
  const sharp = await loadSharp();
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality: 70 })
    .toBuffer();
  return `data:image/webp;base64,${bytes.toString("base64")}`;
}
