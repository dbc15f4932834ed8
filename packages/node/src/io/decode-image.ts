import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type RgbImage, WhyboxError } from "@whybox/core";
import type { Metadata, OutputInfo, Sharp } from "sharp";
import { bmpSize, decodeBmp } from "./decode-bmp.js";
import { fetchImage } from "./fetch-image.js";
import { loadSharp } from "./load-sharp.js";
import { BMP, sniff } from "./sniff.js";
import { toBytes } from "./to-bytes.js";

export interface DecodeImageOptions {
  readonly signal?: AbortSignal;
  /** Maximum number of pixels (width × height). Default: 100 million, which is 300 MB when decoded. */
  readonly maxPixels?: number;
  /** Gets a message if the file does not say how its values become pixels, or has several images: what is read. */
  readonly onNote?: (text: string) => void;
}

const MAX_PIXELS = 100_000_000;
/** Maximum size of an encoded file. An image of 100 million pixels stays below it in each format, except uncompressed TIFF. */
const MAX_BYTES = 512 * 2 ** 20;

/** The formats that `decodeImage` reads, for messages. */
const FORMATS = "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF";
/** sharp's names of these formats. SVG, PDF and other formats that sharp can open are not supported. */
const SHARP_FORMATS: ReadonlySet<string> = new Set(["jpeg", "png", "webp", "gif", "tiff", "heif", "avif"]);

/**
 * Decodes an image from a path, an http(s) or file URL, or the bytes of an encoded file. It reads JPEG, PNG, WebP, AVIF,
 * GIF (first frame), BMP and TIFF (first page). `onNote` hears of further pages and frames.
 *
 * EXIF orientation is applied. Grey and CMYK become RGB, 16 bits become 8, and floats and 32-bit integers are scaled by the range of their values.
 * Alpha is dropped and colour profiles of RGB images are ignored: OpenCV does the same, so a deployed detector sees the same pixels.
 * @throws bad-input when the file is missing, unreadable, empty, truncated or not an image; limit when the image or the file
 * is too large; download when the URL cannot be fetched; usage when its scheme is not supported; aborted.
 */
export async function decodeImage(
  source: string | URL | Uint8Array,
  options: DecodeImageOptions = {},
): Promise<RgbImage> {
  const { maxPixels = MAX_PIXELS } = options;
  if (!(maxPixels > 0)) throw new WhyboxError("usage", `maxPixels is ${maxPixels}; expected a number above 0.`);
  return decodeEncoded(await readEncoded(source, options.signal), options);
}

/** The bytes of an encoded image file, and its name for messages. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** Reads or fetches a source of `decodeImage`. Given bytes are not copied. @throws as `decodeImage`. */
export async function readEncoded(
  source: string | URL | Uint8Array,
  signal: AbortSignal | undefined,
): Promise<EncodedImage> {
  checkAborted(signal);
  const name = nameOf(source);
  const bytes = await readSource(source, name, signal);
  checkAborted(signal);
  return { bytes, name };
}

/** Decodes an image file. @throws as `decodeImage`. */
export async function decodeEncoded(
  { bytes, name }: EncodedImage,
  { maxPixels = MAX_PIXELS, signal, onNote }: DecodeImageOptions = {},
): Promise<RgbImage> {
  const kind = sniff(bytes);
  if (!kind.decodable) throw notAnImage(name, kind.name);
  const image = await decodeBytes(bytes, name, kind.name, { maxPixels, onNote });
  checkAborted(signal);
  return image;
}

async function readSource(source: string | URL | Uint8Array, name: string, signal?: AbortSignal): Promise<Uint8Array> {
  if (source instanceof Uint8Array) {
    if (source.length === 0) throw emptyFile(name);
    return source;
  }
  const url = source instanceof URL ? source : urlOf(source);
  if (url === undefined) return readImage(source as string, signal);
  if (url.protocol === "file:") return readImage(pathOf(url), signal);
  return fetchImage(url, signal === undefined ? {} : { signal });
}

/**
 * A string with a scheme and two slashes is a URL. Any other string is a path ("C:\\photo.jpg" too), except a data URL, which
 * is an error.
 */
function urlOf(source: string): URL | undefined {
  if (source === "")
    throw new WhyboxError("usage", "The path of the image is empty. Pass the path of a file or a URL.");
  if (/^data:/i.test(source)) {
    throw new WhyboxError("usage", `"${source.slice(0, 30)}…" is a data URL. Decode it first and pass the bytes.`);
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return undefined;
  try {
    return new URL(source);
  } catch (cause) {
    throw new WhyboxError("usage", `"${source}" is not a valid URL.`, { cause });
  }
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new WhyboxError("usage", `${url.href} is not a file on this machine. Pass the path of a file.`, { cause });
  }
}

async function readImage(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    const { size } = await checkFile(path);
    if (size > MAX_BYTES) throw tooManyBytes(path, size);
    const bytes = await readFile(path, signal === undefined ? {} : { signal });
    if (bytes.length === 0) throw emptyFile(path);
    return bytes;
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    checkAborted(signal);
    throw unreadable(path, cause);
  }
}

async function checkFile(path: string): Promise<{ readonly size: number }> {
  const info = await stat(path);
  if (info.isFile()) return info;
  const found = info.isDirectory() ? "a folder" : "not a regular file";
  throw new WhyboxError("bad-input", `${path} is ${found}; expected an image (${FORMATS}). Pass the path of a file.`, {
    details: { file: path, found },
  });
}

async function decodeBytes(
  bytes: Uint8Array,
  name: string,
  kind: string,
  { maxPixels, onNote }: { readonly maxPixels: number; readonly onNote: DecodeImageOptions["onNote"] },
): Promise<RgbImage> {
  try {
    if (kind === BMP) {
      checkSize(bmpSize(bytes), name, maxPixels);
      return await decodeBmp(bytes);
    }
    const sharp = await loadSharp();
    const metadata = await sharp(bytes, { limitInputPixels: false, failOn: "none" }).metadata();
    checkMetadata(metadata, name, maxPixels);
    const parts = PARTS[metadata.format];
    if (parts !== undefined && (metadata.pages ?? 1) > 1) {
      onNote?.(`${name}: ${metadata.pages} ${parts}s. The first ${parts} is read.`);
    }
    const image = sharp(bytes, {
      limitInputPixels: false, // checked above, with a more helpful message
      failOn: "error",
      ignoreIcc: metadata.space !== "cmyk",
    })
      .autoOrient()
      .removeAlpha();
    const { data, width, height, channels, white } = await pixelsOf(image, metadata);
    if (white !== undefined) onNote?.(`${name}: values of 32 bits, read as 0 to ${white}, which holds the largest.`);
    return { height, width, data: channels === 3 ? data : spread(data) };
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    if (/samples? out of range/i.test(reasonOf(cause))) throw notAnImage(name, "TIFF samples of 64 bits");
    throw damaged(name, kind, cause);
  }
}

/** 8-bit pixels, and the value that became 255 if the file does not say it. */
interface Pixels extends Pick<OutputInfo, "width" | "height" | "channels"> {
  readonly data: Uint8Array;
  readonly white?: number;
}

/** The 8-bit pixels. Values of 32 bits are read as they are, without conversion of colours, and scaled by their range. */
async function pixelsOf(image: Sharp, { depth, space }: Metadata): Promise<Pixels> {
  if (!WIDE.has(depth ?? "")) {
    const { data, info } = await image
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { ...info, data };
  }
  // Without this, floats in colour count as linear light.
  const unchanged = space === "scrgb" ? image.toColourspace("scrgb") : image;
  const { data, info } = await unchanged.raw({ depth: "float" }).toBuffer({ resolveWithObject: true });
  const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const { bytes, white } = toBytes(values, depth === "float");
  return { ...info, data: bytes, white };
}

/** What the images of a file with several are called. */
const PARTS: Readonly<Record<string, string>> = { tiff: "page", gif: "frame", webp: "frame" };

/** sharp's names of the sample types of 32 bits. */
const WIDE: ReadonlySet<string> = new Set(["float", "int", "uint"]);

/** The first bytes can be misleading (an SVG that starts with a comment). The format that sharp found is checked too. */
function checkMetadata({ format, width, height }: Metadata, name: string, maxPixels: number): void {
  if (!SHARP_FORMATS.has(format)) throw notAnImage(name, format);
  checkSize({ width, height }, name, maxPixels);
}

function checkSize(
  { width, height }: { readonly width: number; readonly height: number },
  name: string,
  maxPixels: number,
): void {
  if (width * height <= maxPixels) return;
  throw new WhyboxError(
    "limit",
    `${name} has ${width} × ${height} = ${count(width * height)} pixels; the limit is ${count(maxPixels)}. Shrink it or cut it into tiles. The network scales it down to a few hundred pixels per side in any case.`,
    { details: { file: name, width, height, maxPixels } },
  );
}

function count(pixels: number): string {
  return pixels >= 1e7 ? `${Math.round(pixels / 1e6)} million` : String(pixels);
}

/** Copies one channel into three. */
function spread(grey: Uint8Array): Uint8Array {
  const data = new Uint8Array(grey.length * 3);
  for (let i = 0, to = 0; i < grey.length; i++) {
    data[to++] = grey[i]!;
    data[to++] = grey[i]!;
    data[to++] = grey[i]!;
  }
  return data;
}

function nameOf(source: string | URL | Uint8Array): string {
  if (source instanceof Uint8Array) return "The given image";
  return source instanceof URL ? source.href : source;
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WhyboxError("aborted", "Decoding was aborted.", { cause: signal.reason });
}

function notAnImage(name: string, found: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${name} contains ${withArticle(found)}; expected ${FORMATS}. Convert it to one of these formats, or pass another file.`,
    { details: { file: name, found } },
  );
}

function withArticle(found: string): string {
  return found === "text" || /^(an? |TIFF samples)/.test(found) ? found : `${found} data`;
}

function emptyFile(name: string): WhyboxError {
  return new WhyboxError("bad-input", `${name} is empty (0 bytes); expected ${FORMATS}. Copy or download it again.`, {
    details: { file: name, found: "empty" },
  });
}

function tooManyBytes(name: string, size: number): WhyboxError {
  return new WhyboxError(
    "limit",
    `${name} has ${Math.round(size / 2 ** 20)} MB; the limit for an image is ${MAX_BYTES / 2 ** 20} MB. Save it as JPEG or shrink it.`,
    { details: { file: name, size, maxBytes: MAX_BYTES } },
  );
}

function damaged(name: string, kind: string, cause: unknown): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${name} starts like ${kind} but is truncated or damaged (${reasonOf(cause)}). Copy or download it again, or open and save it in an image program.`,
    { details: { file: name, found: `damaged ${kind}` }, cause },
  );
}

/** The last line with words of sharp's message, without the punctuation that some decoders leave at its end. */
function reasonOf(cause: unknown): string {
  const lines = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  const last = lines.findLast((line) => /[a-z]{4}/i.test(line)) ?? "no reason given";
  return last.trim().replace(/[:.\s]+$/, "");
}

function unreadable(path: string, cause: unknown): WhyboxError {
  const code = (cause as NodeJS.ErrnoException).code;
  const text =
    code === "ENOENT" || code === "ENOTDIR"
      ? `${path} does not exist; expected an image (${FORMATS}). Check the path and the current folder.`
      : code === "EACCES" || code === "EPERM"
        ? `${path} cannot be read: permission denied (${code}). Change its permissions, or copy it elsewhere.`
        : `${path} cannot be read (${(cause as Error).message}). Check the path and the disk.`;
  return new WhyboxError("bad-input", text, { details: { file: path, found: code ?? "error" }, cause });
}
