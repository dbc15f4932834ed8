import { foundOf, isPixelArray, type PixelArray, rgbPixels, WhyboxError } from "@whybox/core";
import type { SentImage } from "./protocol.js";
import { MAX_IMAGE_BYTES } from "./worker/limits.js";

/**
 * An image: a URL, an encoded file (File, Blob, bytes or stream), an element (`<img>`, `<video>`, `<canvas>`), an `ImageBitmap`, `OffscreenCanvas` or
 * `VideoFrame`, or pixels (`ImageData`, or RGB, RGBA or grey values). A video gives its current frame.
 */
export type ImageSource =
  | string
  | URL
  | Blob
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<Uint8Array<ArrayBuffer>>
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | VideoFrame
  | PixelArray;

const FORMS =
  "a URL, a File, Blob, bytes or stream of an image file, an <img>, <video> or <canvas>, an ImageBitmap, or pixels ({ width, height, data })";

/** The image as the worker takes it. Nothing of the caller is changed or detached. @throws usage, bad-input, download, limit, aborted. */
export async function sendable(source: ImageSource, signal: AbortSignal | undefined): Promise<SentImage> {
  if (typeof source === "string" || source instanceof URL) return { file: await fetchImage(source, signal) };
  if (source instanceof Blob) return { file: source };
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return { file: new Blob([source as BlobPart]) };
  if (source instanceof ReadableStream) return { file: await bounded(source, signal) };
  if (isPixelArray(source)) {
    const { width, height, data } = rgbPixels(source);
    return { pixels: { width, height, data: data === source.data ? Uint8Array.from(data) : data } };
  }
  if (isDrawable(source)) return { bitmap: await bitmapOf(source) };
  throw new WhyboxError("usage", `Got ${foundOf(source)}; expected an image: ${FORMS}.`);
}

/** Whether a source is the same image whenever it is the same object. */
export function isFixed(source: ImageSource): boolean {
  return typeof source === "string" || source instanceof Blob || source instanceof ImageBitmap;
}

type Drawable = Extract<ImageSource, CanvasImageSource>;

/** `VideoFrame` and `OffscreenCanvas` are missing in some browsers. */
function isDrawable(source: unknown): source is Drawable {
  const kinds = [
    ImageBitmap,
    HTMLImageElement,
    HTMLVideoElement,
    HTMLCanvasElement,
    globalThis.OffscreenCanvas,
    globalThis.VideoFrame,
  ];
  return kinds.some((kind) => kind !== undefined && source instanceof kind);
}

async function bitmapOf(source: Drawable): Promise<ImageBitmap> {
  if (source instanceof HTMLImageElement) await decoded(source);
  if (source instanceof HTMLVideoElement && source.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    throw new WhyboxError("bad-input", 'The <video> shows no frame yet. Wait for its event "loadeddata".');
  }
  refuseForeign(source);
  try {
    return await createImageBitmap(source, { premultiplyAlpha: "none" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `The ${foundOf(source).replace(/^an? /, "")} has no pixels: ${reason}`, {
      cause,
    });
  }
}

async function decoded(image: HTMLImageElement): Promise<void> {
  try {
    await image.decode();
  } catch (cause) {
    const name = image.currentSrc.slice(0, 200) || "without src";
    throw new WhyboxError("bad-input", `The <img> ${name} cannot be shown. Check its address and format.`, { cause });
  }
}

/** The pixels of another origin may not be read. A bitmap of them could not even be sent. @throws bad-input */
function refuseForeign(source: Drawable): void {
  const probe = new OffscreenCanvas(1, 1).getContext("2d")!;
  probe.drawImage(source, 0, 0, 1, 1);
  try {
    probe.getImageData(0, 0, 1, 1);
  } catch (cause) {
    throw new WhyboxError(
      "bad-input",
      'The image comes from another origin, so its pixels may not be read. Set crossorigin="anonymous" on the element; its server must allow this page (CORS).',
      { cause },
    );
  }
}

async function fetchImage(source: string | URL, signal: AbortSignal | undefined): Promise<Blob> {
  if (source === "") throw new WhyboxError("usage", "The URL of the image is empty.");
  const shown = String(source).slice(0, 200);
  const refuse = (reason: string, cause?: unknown) =>
    new WhyboxError("download", `${shown} cannot be fetched: ${reason}. Check the address.`, { cause });
  const answer = await fetch(source, signal ? { signal } : {}).catch((cause: unknown) => {
    if (signal?.aborted) throw aborted(signal);
    throw refuse("there is no answer, or the server does not allow this page to read it (CORS)", cause);
  });
  if (!answer.ok || answer.body === null) throw refuse(`the server answered ${answer.status}`);
  return new File([await bounded(answer.body, signal)], shown);
}

/** The bytes of a stream, at most as many as an image file may have. */
async function bounded(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal | undefined,
): Promise<Blob> {
  let size = 0;
  const counting = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, controller) => {
      if (!(chunk instanceof Uint8Array)) {
        throw new WhyboxError("usage", `The stream gives ${foundOf(chunk)}; expected bytes.`);
      }
      size += chunk.length;
      if (size > MAX_IMAGE_BYTES) {
        throw new WhyboxError("limit", `The image has more than ${MAX_IMAGE_BYTES / 2 ** 20} MB. Use a smaller one.`);
      }
      controller.enqueue(chunk);
    },
  });
  try {
    return await new Response(stream.pipeThrough(counting, signal ? { signal } : {})).blob();
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    if (signal?.aborted) throw aborted(signal);
    throw new WhyboxError("bad-input", `The stream of the image failed: ${(cause as Error).message}.`, { cause });
  }
}

export function aborted(signal: AbortSignal): WhyboxError {
  return new WhyboxError("aborted", "The operation was aborted.", { cause: signal.reason });
}
