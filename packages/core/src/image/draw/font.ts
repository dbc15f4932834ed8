import { invariant } from "../../errors.js";
import { fontOutlines } from "./font-outlines.js";

/** A point of a TrueType outline, in font units. `y` points up from the baseline. `on` is true on the curve and false for a control point. */
export interface OutlinePoint {
  readonly x: number;
  readonly y: number;
  readonly on: boolean;
}

export type Contour = readonly OutlinePoint[];

export interface Glyph {
  /** Distance to the next glyph's origin, in font units. */
  readonly advance: number;
  readonly contours: readonly Contour[];
}

/** Glyphs by code point. Metrics are in font units. `unitsPerEm` font units are the font size. */
export interface Font {
  readonly unitsPerEm: number;
  readonly ascent: number;
  readonly descent: number;
  readonly capHeight: number;
  readonly glyphs: ReadonlyMap<number, Glyph>;
}

/** Replaces a letter that the font does not have. Class names have the number of the class instead (`class-label.ts`). */
const MISSING = "?";

/** Plain replacements of characters that Unicode does not decompose. */
const PLAIN: ReadonlyMap<string, string> = new Map([
  ...[..."\u2010\u2011\u2012\u2013\u2014\u2212"].map((dash) => [dash, "-"] as const),
  ["\u2018", "'"],
  ["\u2019", "'"],
  ["\u201c", '"'],
  ["\u201d", '"'],
  ["\u00a0", " "],
]);

let loaded: Font | undefined;

/** The embedded letters. */
export function loadFont(): Font {
  loaded ??= decodeFont();
  return loaded;
}

/** Decodes the embedded letters (format: fixtures/make/font-atlas.py). */
function decodeFont(): Font {
  const { bytes, ...metrics } = fontOutlines;
  const glyphs = new Map<number, Glyph>();
  const reader = varintReader(bytes());
  while (!reader.done()) {
    const code = reader.next();
    const advance = reader.next();
    glyphs.set(code, { advance, contours: readContours(reader) });
  }
  return { ...metrics, glyphs };
}

/**
 * Returns the code points that represent a text in this font. Letters that the font does not have lose their accents (NFKD). Letters that
 * are still missing become question marks. Control characters and invisible characters are dropped.
 */
export function shape(font: Font, text: string): number[] {
  return [...write(font, text, MISSING)].map(codeOf);
}

/** The text as `shape` writes it, but without the letters that are missing. */
export function ownLetters(font: Font, text: string): string {
  return write(font, text, "");
}

function write(font: Font, text: string, missing: string): string {
  const has = (char: string): boolean => char !== "\ufffd" && font.glyphs.has(codeOf(char));
  return [...text.normalize("NFC").replace(/[\p{Cc}\p{Cf}]/gu, "")]
    .map((char) => {
      const plain = has(char) ? char : (PLAIN.get(char) ?? withoutAccents(char));
      return plain !== "" && [...plain].every(has) ? plain : missing;
    })
    .join("");
}

function withoutAccents(char: string): string {
  return char.normalize("NFKD").replace(/\p{M}/gu, "");
}

function codeOf(char: string): number {
  return char.codePointAt(0)!;
}

interface VarintReader {
  readonly done: () => boolean;
  readonly next: () => number;
}

function varintReader(bytes: Uint8Array): VarintReader {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      invariant(at < bytes.length, "The data of the embedded letters is incomplete.");
      const byte = bytes[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  return { done: () => at >= bytes.length, next };
}

function readContours(reader: VarintReader): Contour[] {
  let x = 0;
  let y = 0;
  return Array.from({ length: reader.next() }, () =>
    Array.from({ length: reader.next() }, () => {
      const packed = reader.next();
      x += unzigzag(packed >> 1);
      y += unzigzag(reader.next());
      return { x, y, on: (packed & 1) === 1 };
    }),
  );
}

function unzigzag(value: number): number {
  return (value >> 1) ^ -(value & 1);
}
