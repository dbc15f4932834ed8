import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type RgbImage, WhyboxError } from "@whybox/core";
import sharp, { type Metadata, type Sharp } from "sharp";
import { fetchImage } from "./fetch-image.js";
import { sniff } from "./sniff.js";

export interface DecodeImageOptions {
  readonly signal?: AbortSignal;
  /** Most pixels (width × height) of a picture. Default 100 million: 300 MB once decoded. */
  readonly maxPixels?: number;
}

const MAX_PIXELS = 100_000_000;
/** Largest encoded file. A picture of 100 million pixels stays below it in every format but raw-like TIFF. */
const MAX_BYTES = 512 * 2 ** 20;

/** What `decodeImage` reads, for messages. */
const FORMATS = "JPEG, PNG, WebP, AVIF, GIF or TIFF";
/** Names that sharp gives to them. SVG, PDF and whatever else the library could open is refused. */
const SHARP_FORMATS: ReadonlySet<string> = new Set(["jpeg", "png", "webp", "gif", "tiff", "heif", "avif"]);

/**
 * Decodes a picture from a path, an http(s) or file URL, or the bytes of an encoded file: JPEG, PNG, WebP, AVIF, GIF (first
 * frame), TIFF (first page). EXIF orientation is applied; grey and CMYK become RGB, 16 bits become 8, transparency is laid
 * over white. Colour profiles of RGB pictures are ignored, as OpenCV and so the deployed detector do.
 * @throws bad-input for a file that is missing, unreadable, empty, truncated or no picture; limit for a picture or file
 * that is too large; download when a URL gives nothing; usage for another scheme; aborted.
 */
export async function decodeImage(
  source: string | URL | Uint8Array,
  options: DecodeImageOptions = {},
): Promise<RgbImage> {
  const { maxPixels = MAX_PIXELS } = options;
  if (!(maxPixels > 0)) throw new WhyboxError("usage", `maxPixels is ${maxPixels}; expected a number above 0.`);
  checkAborted(options.signal);
  const name = nameOf(source);
  const bytes = await readSource(source, name, options.signal);
  checkAborted(options.signal);
  const kind = sniff(bytes);
  if (!kind.decodable) throw notAPicture(name, kind.name);
  const image = await decodeBytes(bytes, name, kind.name, maxPixels);
  checkAborted(options.signal);
  return image;
}

async function readSource(source: string | URL | Uint8Array, name: string, signal?: AbortSignal): Promise<Uint8Array> {
  if (source instanceof Uint8Array) {
    if (source.length === 0) throw emptyFile(name);
    return source;
  }
  const url = source instanceof URL ? source : urlOf(source);
  if (url === undefined) return readPicture(source as string, signal);
  if (url.protocol === "file:") return readPicture(pathOf(url), signal);
  return fetchImage(url, signal === undefined ? {} : { signal });
}

/**
 * A string with a scheme and two slashes is a URL; all else is a path ("C:\\photo.jpg" too), but for data URLs, which nobody
 * means as one.
 */
function urlOf(source: string): URL | undefined {
  if (source === "") throw new WhyboxError("usage", "The picture's path is empty. Give the path of a file or a URL.");
  if (/^data:/i.test(source)) {
    throw new WhyboxError("usage", `"${source.slice(0, 30)}…" is a data URL. Decode it first and give the bytes.`);
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
    throw new WhyboxError("usage", `${url.href} names no file of this machine. Give the path of a file.`, { cause });
  }
}

async function readPicture(path: string, signal?: AbortSignal): Promise<Uint8Array> {
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
  throw new WhyboxError("bad-input", `${path} is ${found}; expected a picture (${FORMATS}). Give the path of a file.`, {
    details: { file: path, found },
  });
}

async function decodeBytes(bytes: Uint8Array, name: string, kind: string, maxPixels: number): Promise<RgbImage> {
  try {
    const metadata = await sharp(bytes, { limitInputPixels: false, failOn: "none" }).metadata();
    checkMetadata(metadata, name, maxPixels);
    const { data, info } = await pipeline(bytes, metadata)
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { height: info.height, width: info.width, data: info.channels === 3 ? data : spread(data) };
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    throw damaged(name, kind, cause);
  }
}

function pipeline(bytes: Uint8Array, metadata: Metadata): Sharp {
  return sharp(bytes, {
    limitInputPixels: false, // checked above, with a message that helps
    failOn: "error",
    ignoreIcc: metadata.space !== "cmyk",
  })
    .autoOrient()
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb");
}

/** The first bytes can lie (an SVG with a comment in front of it), so what the library found counts too. */
function checkMetadata({ format, width, height }: Metadata, name: string, maxPixels: number): void {
  if (!SHARP_FORMATS.has(format)) throw notAPicture(name, format);
  if (width * height <= maxPixels) return;
  throw new WhyboxError(
    "limit",
    `${name} has ${width} × ${height} = ${count(width * height)} pixels; the limit is ${count(maxPixels)}. Shrink it or cut it into tiles; the network sees a few hundred pixels a side anyway.`,
    { details: { file: name, width, height, maxPixels } },
  );
}

function count(pixels: number): string {
  return pixels >= 1e7 ? `${Math.round(pixels / 1e6)} million` : String(pixels);
}

/** One channel to three. */
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
  if (source instanceof Uint8Array) return "The given picture";
  return source instanceof URL ? source.href : source;
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WhyboxError("aborted", "Decoding was aborted.", { cause: signal.reason });
}

function notAPicture(name: string, found: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${name} is ${withArticle(found)} by its content; expected ${FORMATS}. Convert it to one of these, or give another file.`,
    { details: { file: name, found } },
  );
}

function withArticle(found: string): string {
  return found === "text" || /^an? /.test(found) ? found : `${found} data`;
}

function emptyFile(name: string): WhyboxError {
  return new WhyboxError("bad-input", `${name} is empty (0 bytes); expected ${FORMATS}. Copy or download it again.`, {
    details: { file: name, found: "empty" },
  });
}

function tooManyBytes(name: string, size: number): WhyboxError {
  return new WhyboxError(
    "limit",
    `${name} has ${Math.round(size / 2 ** 20)} MB; the limit for a picture is ${MAX_BYTES / 2 ** 20} MB. Save it as JPEG or shrink it.`,
    { details: { file: name, size, maxBytes: MAX_BYTES } },
  );
}

function damaged(name: string, kind: string, cause: unknown): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${name} starts like ${kind}, but is truncated or damaged (${reasonOf(cause)}). Copy or download it again, or open and save it in an image program.`,
    { details: { file: name, found: `damaged ${kind}` }, cause },
  );
}

/** The last line of the library's message that says something, without the loose ends some of its decoders leave. */
function reasonOf(cause: unknown): string {
  const lines = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  const last = lines.findLast((line) => /[a-z]{4}/i.test(line)) ?? "no reason given";
  return last.trim().replace(/[:.\s]+$/, "");
}

function unreadable(path: string, cause: unknown): WhyboxError {
  const code = (cause as NodeJS.ErrnoException).code;
  const text =
    code === "ENOENT" || code === "ENOTDIR"
      ? `${path} does not exist; expected a picture (${FORMATS}). Check the path and the folder you are in.`
      : code === "EACCES" || code === "EPERM"
        ? `${path} may not be read (${code}). Change its permissions, or copy it elsewhere.`
        : `${path} could not be read (${(cause as Error).message}). Check the path and the disk.`;
  return new WhyboxError("bad-input", text, { details: { file: path, found: code ?? "error" }, cause });
}
