import { type DrawResultOptions, drawResult, type ExplainResult, isPixelArray, WhyboxError } from "@whybox/core";
import type { ImageSource } from "./io/image-source.js";

/** Options of `toPng`. */
export interface ToPngOptions extends DrawResultOptions {
  /** The image that was explained. Default: the one that `explain` got, if it can be read again: a path, a URL, bytes, a Blob, or pixels. */
  readonly image?: ImageSource;
}

/** The image of each result, as far as it can be read again. */
const images = new WeakMap<ExplainResult, ImageSource>();

/** Keeps the image of a result for `toPng`. A stream is read, and a canvas may show something else by then. */
export function rememberImage(result: ExplainResult, image: ImageSource): ExplainResult {
  const isBytes = image instanceof Uint8Array || image instanceof ArrayBuffer || image instanceof Blob;
  if (typeof image === "string" || image instanceof URL || isBytes || isPixelArray(image)) images.set(result, image);
  return result;
}

/**
 * A result as a PNG file that looks like the command's: the image, the heatmap, and the boxes. The image is read again, so it must not have
 * changed.
 * @throws usage when the image is not known (a stream, a canvas, an image of sharp, a result from another thread) and `image` is not given, or has
 * another size; and as `decodeImage`.
 */
export async function toPng(result: ExplainResult, options: ToPngOptions = {}): Promise<Uint8Array> {
  const { image = images.get(result), ...look } = options;
  if (image === undefined) {
    throw new WhyboxError(
      "usage",
      "The image of this result cannot be read again. Pass it: toPng(result, { image }). Expected the image that was explained.",
    );
  }
  // Most callers of `explain` draw nothing, so the modules for it load on first use.
  const [{ decodeImage }, { encodePng }] = await Promise.all([
    import("./io/decode-image.js"),
    import("./io/encode-png.js"),
  ]);
  return encodePng(drawResult(await decodeImage(image), result, look));
}
