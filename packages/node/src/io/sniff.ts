/** The format of a file according to its first bytes. `decodable`: `decodeImage` supports it. */
export interface FileKind {
  readonly name: string;
  readonly decodable: boolean;
}

interface Mark {
  readonly offset: number;
  readonly bytes: string;
}

interface Signature extends FileKind, Mark {
  /** A second mark that must match too. */
  readonly second?: Mark;
}

const DECODABLE = true;
const NOT_DECODABLE = false;

/** BMP is decoded by a library of its own. */
export const BMP = "BMP";

/** Signatures as Latin-1 text. The first match wins, so longer signatures at the same offset come first. */
const SIGNATURES: readonly Signature[] = [
  { name: "JPEG", offset: 0, bytes: "\xff\xd8\xff", decodable: DECODABLE },
  { name: "PNG", offset: 0, bytes: "\x89PNG\r\n\x1a\n", decodable: DECODABLE },
  { name: "GIF", offset: 0, bytes: "GIF87a", decodable: DECODABLE },
  { name: "GIF", offset: 0, bytes: "GIF89a", decodable: DECODABLE },
  { name: "WebP", offset: 0, bytes: "RIFF", second: { offset: 8, bytes: "WEBP" }, decodable: DECODABLE },
  { name: "AVI video", offset: 0, bytes: "RIFF", second: { offset: 8, bytes: "AVI " }, decodable: NOT_DECODABLE },
  { name: "TIFF", offset: 0, bytes: "II*\0", decodable: DECODABLE },
  { name: "TIFF", offset: 0, bytes: "MM\0*", decodable: DECODABLE },
  { name: "AVIF", offset: 4, bytes: "ftypavif", decodable: DECODABLE },
  { name: "AVIF", offset: 4, bytes: "ftypavis", decodable: DECODABLE },
  { name: "HEIC", offset: 4, bytes: "ftyphe", decodable: NOT_DECODABLE },
  { name: "HEIF", offset: 4, bytes: "ftypmif1", decodable: DECODABLE },
  { name: "a video or another ISO media file", offset: 4, bytes: "ftyp", decodable: NOT_DECODABLE },
  { name: BMP, offset: 0, bytes: "BM", decodable: DECODABLE },
  { name: "JPEG XL", offset: 0, bytes: "\xff\x0a", decodable: NOT_DECODABLE },
  { name: "JPEG XL", offset: 4, bytes: "JXL \r\n", decodable: NOT_DECODABLE },
  { name: "JPEG 2000", offset: 4, bytes: "jP  \r\n", decodable: NOT_DECODABLE },
  { name: "Photoshop", offset: 0, bytes: "8BPS", decodable: NOT_DECODABLE },
  { name: "Windows icon", offset: 0, bytes: "\0\0\x01\0", decodable: NOT_DECODABLE },
  { name: "PDF", offset: 0, bytes: "%PDF", decodable: NOT_DECODABLE },
  { name: "PostScript", offset: 0, bytes: "%!PS", decodable: NOT_DECODABLE },
  { name: "ZIP (or a PyTorch checkpoint)", offset: 0, bytes: "PK\x03\x04", decodable: NOT_DECODABLE },
  { name: "gzip", offset: 0, bytes: "\x1f\x8b", decodable: NOT_DECODABLE },
  { name: "Matroska or WebM video", offset: 0, bytes: "\x1aE\xdf\xa3", decodable: NOT_DECODABLE },
  { name: "NumPy array", offset: 0, bytes: "\x93NUMPY", decodable: NOT_DECODABLE },
  { name: "HDF5", offset: 0, bytes: "\x89HDF", decodable: NOT_DECODABLE },
];

/** Number of bytes that are checked. */
const HEAD = 512;

/** Returns the format of a file by its first bytes. The file name is not used. */
export function sniff(bytes: Uint8Array): FileKind {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(HEAD, bytes.length)).toString("latin1");
  const has = (mark: Mark | undefined) => mark === undefined || head.startsWith(mark.bytes, mark.offset);
  const known = SIGNATURES.find((signature) => has(signature) && has(signature.second));
  if (known !== undefined) return { name: known.name, decodable: known.decodable };
  if (/^P[1-7][ \t\r\n]/.test(head)) return { name: "a PPM image or another one of Netpbm", decodable: false };
  return { name: textKind(head) ?? "an unknown format", decodable: false };
}

function textKind(head: string): string | undefined {
  const text = head
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart()
    .toLowerCase();
  if (text.includes("<svg")) return "SVG";
  if (text.startsWith("<!doctype html") || text.startsWith("<html")) return "an HTML page";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters distinguish binary from text
  return head.length > 0 && !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(head) ? "text" : undefined;
}
