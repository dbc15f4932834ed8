import { type RgbImage, WhyboxError } from "@whybox/core";
import type { DecodedPhoto } from "../protocol.js";

/** Larger pictures are refused: decoding alone would take gigabytes. */
const MOST_PIXELS = 100_000_000;
/** Larger pictures are scaled down: each heatmap takes four bytes a pixel. */
const WORKED_ON = 16_000_000;
const MOST_BYTES = 256 * 2 ** 20;

export interface Decoded {
  readonly pixels: RgbImage;
  readonly facts: DecodedPhoto;
}

/**
 * Decodes a picture file as the browser shows it: turned by its EXIF orientation, transparency on white.
 * @throws bad-input for what is no picture, limit for one that is too large.
 */
export async function decodePhoto(file: Blob): Promise<Decoded> {
  if (file.size === 0) throw new WhyboxError("bad-input", "The file is empty. Choose a picture.");
  if (file.size > MOST_BYTES) {
    const found = Math.round(file.size / 2 ** 20);
    throw new WhyboxError(
      "limit",
      `The file has ${found} MB, the limit is ${MOST_BYTES / 2 ** 20} MB. Shrink the picture.`,
    );
  }
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image", premultiplyAlpha: "none" }).catch(
    (cause) => {
      const name = file instanceof File && file.name !== "" ? `"${file.name}"` : "This file";
      const message = `${name} is no picture that this browser can read. Choose a JPEG, PNG, WebP or AVIF.`;
      throw new WhyboxError("bad-input", message, { cause });
    },
  );
  return pixelsOf(bitmap);
}

/** The pixels of a bitmap, which is closed. @throws limit for one that is too large. */
export function pixelsOf(bitmap: ImageBitmap): Decoded {
  const { width, height } = bitmap;
  try {
    if (width * height > MOST_PIXELS) {
      throw new WhyboxError(
        "limit",
        `The picture has ${width} × ${height} pixels; the limit is 100 million. Shrink it.`,
      );
    }
    const scale = Math.min(1, Math.sqrt(WORKED_ON / (width * height)));
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    const canvas = new OffscreenCanvas(w, h);
    const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" })!;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, w, h);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, w, h);
    const shrunkFrom = scale < 1 ? ([width, height] as const) : undefined;
    return { pixels: withoutAlpha(context.getImageData(0, 0, w, h)), facts: { width: w, height: h, shrunkFrom } };
  } finally {
    bitmap.close();
  }
}

function withoutAlpha({ width, height, data }: ImageData): RgbImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return { width, height, data: rgb };
}
