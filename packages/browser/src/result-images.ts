import type { ExplainResult } from "@whybox/core";
import type { ImageSource } from "./image-source.js";

const images = new WeakMap<ExplainResult, ImageSource>();

/** Keeps the image of a result for `toPng`. A stream is read, and a canvas or a video may show something else by then. */
export function rememberImage(result: ExplainResult, image: ImageSource): ExplainResult {
  const changes = [ReadableStream, HTMLVideoElement, HTMLCanvasElement, globalThis.OffscreenCanvas].some(
    (kind) => kind !== undefined && image instanceof kind,
  );
  if (!changes) images.set(result, image);
  return result;
}

/** The image of a result. Undefined if it may show something else by now. */
export function imageOf(result: ExplainResult): ImageSource | undefined {
  return images.get(result);
}
