import { foundOf, isPixelArray, type PixelArray, type RgbImage, rgbPixels, WhyboxError } from "@whybox/core";
import type { Sharp } from "sharp";
import { checkSize, FORMATS, MAX_BYTES } from "./image-limits.js";
import { type CanvasImage, IMAGE_FORMS, type ImageSource, type SharpImage } from "./image-source.js";
import { emptyFile, readFileOrUrl, tooManyBytes } from "./read-image.js";

/** The bytes of an encoded image file, and its name for messages. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** An image as pixels, or as an encoded file. `isOwn`: nobody else has the memory. */
export type OpenedImage = { readonly isOwn: boolean } & (
  | { readonly pixels: RgbImage }
  | { readonly encoded: EncodedImage }
);

export interface OpenOptions {
  readonly signal: AbortSignal | undefined;
  readonly maxPixels: number;
  /** Whether a URL may lead to a private network. Default: true. */
  readonly allowPrivate?: boolean | undefined;
}

/** Names an image without a name in messages. */
const GIVEN = "The given image";

/** Reads or fetches an image in any form. Given pixels and bytes are not copied. @throws as `decodeImage`. */
export async function openImage(source: ImageSource, options: OpenOptions): Promise<OpenedImage> {
  const { signal } = options;
  checkAborted(signal);
  const opened = await openSource(source, options);
  checkAborted(signal);
  return opened;
}

async function openSource(source: ImageSource, options: OpenOptions): Promise<OpenedImage> {
  const { signal, maxPixels } = options;
  if (typeof source === "string" || source instanceof URL) {
    return file(await readFileOrUrl(source, options), typeof source === "string" ? source : source.href);
  }
  if (source instanceof Uint8Array) return { ...file(source), isOwn: false };
  if (source instanceof ArrayBuffer) return { ...file(new Uint8Array(source)), isOwn: false };
  if (isPixelArray(source)) return ofPixels(source);
  if (source instanceof Blob) return readBlob(source);
  if (isSharp(source)) return readSharp(source, maxPixels);
  if (isCanvas(source)) return readCanvas(source, maxPixels);
  if (isStream(source)) return file(await readStream(source, signal));
  throw new WhyboxError("usage", `Got ${foundOf(source)}; expected an image: ${IMAGE_FORMS}.`);
}

function file(bytes: Uint8Array, name: string = GIVEN): OpenedImage {
  if (bytes.length === 0) throw emptyFile(name);
  return { encoded: { bytes, name }, isOwn: true };
}

function ofPixels(source: PixelArray): OpenedImage {
  const pixels = rgbPixels(source);
  return { pixels, isOwn: pixels.data !== source.data };
}

async function readBlob(blob: Blob): Promise<OpenedImage> {
  const name = "name" in blob && typeof blob.name === "string" && blob.name !== "" ? blob.name : GIVEN;
  if (blob.size > MAX_BYTES) throw tooManyBytes(name, blob.size);
  return file(new Uint8Array(await blob.arrayBuffer()), name);
}

/** sharp images are streams too, so this comes first. */
function isSharp(source: object): source is SharpImage {
  const { clone, metadata, toBuffer } = (source ?? {}) as Partial<SharpImage>;
  return [clone, metadata, toBuffer].every((method) => typeof method === "function");
}

async function readSharp(source: SharpImage, maxPixels: number): Promise<OpenedImage> {
  const output = (source.clone() as Sharp).removeAlpha().toColourspace("srgb").raw({ depth: "uchar" });
  const { data, info } = await output.toBuffer({ resolveWithObject: true }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `The sharp image cannot be read: ${reason}. Expected ${FORMATS}.`, { cause });
  });
  checkSize(info, GIVEN, maxPixels);
  // The memory belongs to sharp.
  return ofPixels({ width: info.width, height: info.height, data });
}

function isCanvas(source: object): source is CanvasImage {
  const { getContext, width, height } = (source ?? {}) as Partial<CanvasImage>;
  return typeof getContext === "function" && typeof width === "number" && typeof height === "number";
}

function readCanvas(canvas: CanvasImage, maxPixels: number): OpenedImage {
  const { width, height } = canvas;
  checkSize(canvas, "The canvas", maxPixels);
  const context = canvas.getContext("2d") as
    | { getImageData(x: number, y: number, width: number, height: number): PixelArray }
    | null
    | undefined;
  if (typeof context?.getImageData !== "function") {
    throw new WhyboxError("usage", "The canvas has no 2d context. Expected a canvas with pixels that can be read.");
  }
  return ofPixels(context.getImageData(0, 0, width, height));
}

function isStream(source: object): source is AsyncIterable<unknown> {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
}

/** Reads a stream to its end. Leaving the loop ends the stream. */
async function readStream(stream: AsyncIterable<unknown>, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of untilAborted(stream, signal)) {
      if (!(chunk instanceof Uint8Array)) {
        throw new WhyboxError(
          "usage",
          `The stream gives ${foundOf(chunk)}; expected bytes. Open it without an encoding, or pass pixels without a stream.`,
        );
      }
      size += chunk.length;
      if (size > MAX_BYTES) throw tooManyBytes("The stream", size);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    checkAborted(signal);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `The stream of the image failed: ${reason}. Open it again.`, { cause });
  }
  return Buffer.concat(chunks);
}

/** The chunks of a stream. A stream that waits for more ends when the signal fires. */
async function* untilAborted(stream: AsyncIterable<unknown>, signal: AbortSignal | undefined): AsyncGenerator<unknown> {
  const chunks = stream[Symbol.asyncIterator]();
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal!.reason);
    signal?.addEventListener("abort", stop, { once: true });
  });
  stopped.catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await Promise.race([chunks.next(), stopped]);
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    // A stream that waits answers only when more comes.
    chunks.return?.()?.catch(() => undefined);
  }
}

/** @throws aborted when the signal has fired. */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WhyboxError("aborted", "Decoding was aborted.", { cause: signal.reason });
}
