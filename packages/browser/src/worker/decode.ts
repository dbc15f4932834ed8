import { type RgbImage, rgbPixels, WhyboxError } from "@whybox/core";
import { toImageData } from "../image-data.js";
import type { ImageFacts, SentImage } from "../protocol.js";
import { MAX_IMAGE_BYTES as MAX_BYTES } from "./limits.js";

/** Maximum number of pixels. Decoding a larger image would take gigabytes. */
const MAX_PIXELS = 100_000_000;

export interface Decoded {
  readonly pixels: RgbImage;
  readonly facts: ImageFacts;
}

/** The image of a question, scaled down if it has more pixels than `working`. */
export async function decodeSent(sent: SentImage, working = MAX_PIXELS): Promise<Decoded> {
  if ("file" in sent) return decodePhoto(sent.file, working);
  if ("bitmap" in sent) return pixelsOf(sent.bitmap, working);
  const { width, height } = sent.pixels;
  if (width * height > working) return pixelsOf(await createImageBitmap(toImageData(sent.pixels)), working);
  return { pixels: sent.pixels, facts: { width, height, shrunkFrom: undefined } };
}

/**
 * Decodes an image file as Node does: with its EXIF orientation applied, and without alpha, so that transparent pixels have the colours in the file.
 * Without WebGL the colours of nearly transparent pixels are not exact, and wholly transparent ones are black.
 * @throws bad-input if the file is not an image. limit if it is too large.
 */
async function decodePhoto(file: Blob, working: number): Promise<Decoded> {
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
  try {
    const { isTransparent, ...decoded } = drawn(bitmap, working);
    const opaque = isTransparent ? await opaqueBitmap(bitmap) : undefined;
    return opaque === undefined ? decoded : pixelsOf(opaque, working);
  } finally {
    bitmap.close();
  }
}

/**
 * Returns the pixels of a bitmap without its alpha, and closes it.
 * @throws limit if it is too large.
 */
function pixelsOf(bitmap: ImageBitmap, working: number): Decoded {
  try {
    const { pixels, facts } = drawn(bitmap, working);
    return { pixels, facts };
  } finally {
    bitmap.close();
  }
}

/**
 * The image without its alpha, with the colours in the file: a canvas forgets those of transparent pixels, and a texture keeps them. Undefined without
 * WebGL, or if the image is too large for it.
 */
async function opaqueBitmap(bitmap: ImageBitmap): Promise<ImageBitmap | undefined> {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl");
  if (gl === null || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return undefined;
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const texture = gl.getParameter(gl.TEXTURE_BINDING_2D);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const image = new ImageData(width, height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(image.data.buffer));
  const failed = gl.getError() !== gl.NO_ERROR;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  if (failed) return undefined;
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  return createImageBitmap(image);
}

interface Drawn extends Decoded {
  /** Whether some pixels are transparent. */
  readonly isTransparent: boolean;
}

/** @throws limit if the image is too large. */
function drawn(bitmap: ImageBitmap, working: number): Drawn {
  const { width, height } = bitmap;
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
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, w, h);
  const image = context.getImageData(0, 0, w, h);
  const shrunkFrom = scale < 1 ? ([width, height] as const) : undefined;
  return { pixels: rgbPixels(image), facts: { width: w, height: h, shrunkFrom }, isTransparent: hasAlpha(image) };
}

function hasAlpha({ data }: ImageData): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i]! < 255) return true;
  return false;
}
