import { type DrawResultOptions, drawResult, type ExplainResult, type RgbImage, WhyboxError } from "@whybox/core";
import { pngOf } from "./image-data.js";
import { type ImageSource, sendable } from "./image-source.js";
import { imageOf } from "./result-images.js";
import { decodeSent } from "./worker/decode.js";
import { paintText } from "./worker/paint-text.js";

/** Options of `toPng`. */
export interface ToPngOptions extends Omit<DrawResultOptions, "paintText"> {
  /** The image that was explained. Default: the one that `explain` got. */
  readonly image?: ImageSource;
}

/** The RGB pixels of an image in any form, as the engine sees them. @throws usage, bad-input, download, limit. */
export async function decodeImage(
  image: ImageSource,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<RgbImage> {
  return (await decodeSent(await sendable(image, signal))).pixels;
}

/**
 * A result as a PNG file that looks like the command's: the image, the heatmap, and the boxes. The image is read again, so it must not have
 * changed.
 * @throws usage when the image is not known (a stream, a canvas, a video, a result from another thread) and `image` is not given, or has another
 * size; and as `decodeImage`.
 */
export async function toPng(result: ExplainResult, options: ToPngOptions = {}): Promise<Blob> {
  const { image = imageOf(result), ...look } = options;
  if (image === undefined) {
    throw new WhyboxError(
      "usage",
      "The image of this result cannot be read again. Pass it: toPng(result, { image }). Expected the image that was explained.",
    );
  }
  return pngOf(drawResult(await decodeImage(image), result, { ...look, paintText }));
}
