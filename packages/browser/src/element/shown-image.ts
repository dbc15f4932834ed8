import type { ImageSource } from "../image-source.js";
import { decodeImage } from "../to-png.js";
import { toImageData } from "../worker/draw.js";

/** The image as `<img>` shows it: a URL or a file. Others become a file. @throws as `decodeImage`. */
export async function shownImage(image: ImageSource, signal: AbortSignal): Promise<string | Blob> {
  if (image instanceof URL) return image.href;
  if (typeof image === "string" || image instanceof Blob) return image;
  const pixels = await decodeImage(image, { signal });
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  canvas.getContext("2d")!.putImageData(toImageData(pixels), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
