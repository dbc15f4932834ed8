import { pngOf } from "../image-data.js";
import type { ImageSource } from "../image-source.js";

/** The image as `<img>` shows it: a URL or a file. Others become a file. @throws as `decodeImage`. */
export async function shownImage(image: ImageSource, signal: AbortSignal): Promise<string | Blob> {
  if (image instanceof URL) return image.href;
  if (typeof image === "string" || image instanceof Blob) return image;
  const { decodeImage } = await import("../to-png.js");
  return pngOf(await decodeImage(image, { signal }));
}
