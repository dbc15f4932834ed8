import { type RgbImage, rgbPixels, WhyboxError } from "@whybox/core";
import type { Metadata, OutputInfo, Sharp } from "sharp";
import { bmpSize, decodeBmp } from "./decode-bmp.js";
import { checkGrowth, checkSize, FORMATS } from "./image-limits.js";
import type { ImageSource } from "./image-source.js";
import { loadSharp } from "./load-sharp.js";
import { checkAborted, type EncodedImage, openImage } from "./open-image.js";
import { BMP, sniff } from "./sniff.js";
import { toBytes } from "./to-bytes.js";

export interface DecodeImageOptions {
  readonly signal?: AbortSignal;
  /**
   * Maximum number of pixels (width × height) of a file, a canvas, or the output of sharp. Default: 100 million, which is 300 MB when decoded.
   * Decoding takes up to 32 bytes for each pixel.
   */
  readonly maxPixels?: number;
  /** Whether a URL may lead to a private network. Set it to false for a URL from somebody else. Default: true. */
  readonly allowPrivate?: boolean;
  /** Gets a message if the file does not say how its values become pixels, or has several images: what is read. */
  readonly onNote?: (text: string) => void;
}

/** What the commands pass to `decodeImage`. */
export interface DecodeFileOptions extends DecodeImageOptions {
  /** Gets the bytes of an encoded file before they are decoded. */
  readonly onFile?: (bytes: Uint8Array) => void;
}

/** Maximum number of pixels of a decoded image, by default. */
export const MAX_PIXELS = 100_000_000;

/** sharp's names of these formats. SVG, PDF and other formats that sharp can open are not supported. */
const SHARP_FORMATS: ReadonlySet<string> = new Set(["jpeg", "png", "webp", "gif", "tiff", "heif", "avif"]);

/**
 * The pixels of an image in any form (`ImageSource`). Of files it reads JPEG, PNG, WebP, AVIF, GIF (first frame), BMP and TIFF (first page).
 *
 * EXIF orientation of files is applied. Grey and CMYK become RGB, 16 bits become 8, and floats and 32-bit integers are scaled by the range of their
 * values. Alpha is dropped and colour profiles of RGB images are ignored: OpenCV does the same, so a deployed detector sees the same pixels.
 * @throws bad-input when the file is missing, unreadable, empty, truncated or not an image; limit when the image or the file
 * is too large; download when the URL cannot be fetched; usage when it is no image, or the scheme of its URL is not supported; aborted.
 */
export async function decodeImage(source: ImageSource, options: DecodeImageOptions = {}): Promise<RgbImage> {
  return decodeFile(source, options);
}

/** As `decodeImage`, with the options of the commands. */
export async function decodeFile(source: ImageSource, options: DecodeFileOptions): Promise<RgbImage> {
  const { maxPixels = MAX_PIXELS, signal, allowPrivate } = options;
  if (!(maxPixels > 0)) throw new WhyboxError("usage", `maxPixels is ${maxPixels}; expected a number above 0.`);
  const opened = await openImage(source, { signal, maxPixels, allowPrivate });
  if ("pixels" in opened) return opened.pixels;
  options.onFile?.(opened.encoded.bytes);
  return decodeEncoded(opened.encoded, options);
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
    if (metadata.format === "gif") checkGrowth(bytes, metadata);
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
    const { data, width, height, white } = await pixelsOf(image, metadata);
    if (white !== undefined) onNote?.(`${name}: values of 32 bits, read as 0 to ${white}, which holds the largest.`);
    return rgbPixels({ height, width, data });
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
