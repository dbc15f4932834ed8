import { type RgbImage, rgbPixels, WhyboxError } from "@whybox/core";
import type { DecodedPhoto, SentImage } from "../protocol.js";
import { MAX_IMAGE_BYTES as MAX_BYTES } from "./limits.js";

/** Maximum number of pixels. Decoding a larger image would take gigabytes. */
const MAX_PIXELS = 100_000_000;
/** For the page, larger images are scaled down to this number of pixels, because a heatmap takes four bytes per pixel. */
const MAX_WORKING_PIXELS = 16_000_000;

export interface Decoded {
  readonly pixels: RgbImage;
  readonly facts: DecodedPhoto;
}

/** Decodes an image file as the browser shows it: with its EXIF orientation applied, and transparency on white.
 * @throws bad-input if the file is not an image. limit if it is too large.
 */
export async function decodePhoto(file: Blob, working?: number): Promise<Decoded> {
  if (file.size === 0) throw new WhyboxError("bad-input", "The file is empty. Choose an image.");
  if (file.size > MAX_BYTES) {
    const found = Math.round(file.size / 2 ** 20);
    throw new WhyboxError(
      "limit",
      `The file has ${found} MB. The limit is ${MAX_BYTES / 2 ** 20} MB. Use a smaller image.`,
    );
  }
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image", premultiplyAlpha: "none" }).catch(
    (cause) => {
      const name = file instanceof File && file.name !== "" ? `"${file.name}"` : "This file";
      const message = `${name} is not an image that this browser can read. Choose a JPEG, PNG, WebP, AVIF or BMP.`;
      throw new WhyboxError("bad-input", message, { cause });
    },
  );
  return pixelsOf(bitmap, working);
}

/**
 * Returns the pixels of a bitmap and closes it.
 * @param working maximum number of pixels. A larger image is scaled down.
 * @throws limit if it is too large.
 */
export function pixelsOf(bitmap: ImageBitmap, working: number = MAX_WORKING_PIXELS): Decoded {
  const { width, height } = bitmap;
  try {
    if (width * height > MAX_PIXELS) {
      throw new WhyboxError(
        "limit",
        `The image has ${width} × ${height} pixels. The limit is 100 million. Use a smaller image.`,
      );
    }
    const scale = Math.min(1, Math.sqrt(working / (width * height)));
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    const canvas = new OffscreenCanvas(w, h);
    const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" })!;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, w, h);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, w, h);
    const shrunkFrom = scale < 1 ? ([width, height] as const) : undefined;
    return { pixels: rgbPixels(context.getImageData(0, 0, w, h)), facts: { width: w, height: h, shrunkFrom } };
  } finally {
    bitmap.close();
  }
}

/** The image of a question in its own size. */
export async function decodeSent(sent: SentImage): Promise<Decoded> {
  if ("file" in sent) return decodePhoto(sent.file, MAX_PIXELS);
  if ("bitmap" in sent) return pixelsOf(sent.bitmap, MAX_PIXELS);
  const { width, height } = sent.pixels;
  return { pixels: sent.pixels, facts: { width, height, shrunkFrom: undefined } };
}
