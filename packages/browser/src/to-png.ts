import { type DrawResultOptions, drawResult, type ExplainResult, type RgbImage, WhyboxError } from "@whybox/core";
import { type ImageSource, sendable } from "./image-source.js";
import { decodeSent } from "./worker/decode.js";
import { toImageData } from "./worker/draw.js";
import { paintText } from "./worker/paint-text.js";

/** Options of `toPng`. */
export interface ToPngOptions extends Omit<DrawResultOptions, "paintText"> {
  /** The image that was explained. Default: the one that `explain` got. */
  readonly image?: ImageSource;
}

const images = new WeakMap<ExplainResult, ImageSource>();

/** Keeps the image of a result for `toPng`. A stream is read, and a canvas or a video may show something else by then. */
export function rememberImage(result: ExplainResult, image: ImageSource): ExplainResult {
  const changes = [ReadableStream, HTMLVideoElement, HTMLCanvasElement, globalThis.OffscreenCanvas].some(
    (kind) => kind !== undefined && image instanceof kind,
  );
  if (!changes) images.set(result, image);
  return result;
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
  const { image = images.get(result), ...look } = options;
  if (image === undefined) {
    throw new WhyboxError(
      "usage",
      "The image of this result cannot be read again. Pass it: toPng(result, { image }). Expected the image that was explained.",
    );
  }
  const drawn = drawResult(await decodeImage(image), result, { ...look, paintText });
  const canvas = new OffscreenCanvas(drawn.width, drawn.height);
  canvas.getContext("2d")!.putImageData(toImageData(drawn), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
