import { blendPixel, type Canvas, type Colour } from "./canvas.js";
import { type Font, type Glyph, shape } from "./font.js";
import { type Coverage, rasterize } from "./rasterize.js";

/** A text that is laid out in one line. */
export interface TextLine {
  readonly glyphs: readonly Glyph[];
  /** Font size in pixels. */
  readonly size: number;
  /** In pixels. */
  readonly width: number;
  /** The same text in the fonts of the platform. It is drawn instead of the glyphs. */
  readonly painted?: PaintedText;
}

/** A line of text that the platform has drawn. */
export interface PaintedText {
  /** Distance to the start of what follows, in pixels. */
  readonly advance: number;
  /** Position of the first pixel, from the start of the baseline. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity of each pixel, 0..255. */
  readonly data: ArrayLike<number>;
}

/** Draws a text with the fonts of the platform, in bold. `size` is the font size in pixels. Undefined if they have no letters for it. */
export type PaintText = (text: string, size: number, colour: Colour) => PaintedText | undefined;

/** Lays out a text in one line. `size` is the font size in pixels. */
export function layOut(font: Font, text: string, size: number): TextLine {
  const glyphs = shape(font, text).map((code) => font.glyphs.get(code)!);
  const units = glyphs.reduce((sum, glyph) => sum + glyph.advance, 0);
  return { glyphs, size, width: Math.ceil((units * size) / font.unitsPerEm) };
}

/** Lays out a text in at most `room` pixels. "…" replaces the part that does not fit. */
export function fitText(font: Font, text: string, size: number, room: number): TextLine {
  const letters = [...text];
  for (let kept = letters.length; kept > 0; kept--) {
    const line = layOut(font, kept === letters.length ? text : `${letters.slice(0, kept).join("").trimEnd()}…`, size);
    if (line.width <= room) return line;
  }
  return layOut(font, "", size);
}

/** Cached coverage of letters, by their offset within a pixel. A cache is for one font at one size. */
export type GlyphCache = Map<Glyph, Coverage[]>;

/** Letters start at quarters of a pixel. A finer offset is not visible, and each letter is rasterized at most four times. */
const PHASES = 4;

/** How a line of text is drawn. */
export interface TextPen {
  readonly font: Font;
  /** Where the baseline starts, `[x, y]` in whole pixels. */
  readonly origin: readonly [x: number, y: number];
  readonly colour: Colour;
  /** Shared by all lines of one size: many labels are then cheap to draw. Default: a new cache. */
  readonly cache?: GlyphCache;
}

/** Draws a line of anti-aliased text. Parts outside the canvas are not drawn. */
export function drawText(canvas: Canvas, line: TextLine, pen: TextPen): void {
  const { font, origin, colour, cache = new Map() } = pen;
  const [x, y] = origin;
  if (line.painted !== undefined) {
    drawPainted(canvas, line.painted, origin);
    return;
  }
  const scale = line.size / font.unitsPerEm;
  let place = x * PHASES;
  for (const glyph of line.glyphs) {
    const start = Math.round(place);
    const coverage = coverageOf(glyph, start % PHASES, scale, cache);
    drawCoverage(canvas, coverage, [Math.floor(start / PHASES), y], colour);
    place += glyph.advance * scale * PHASES;
  }
}

function drawPainted(canvas: Canvas, painted: PaintedText, [originX, originY]: readonly [number, number]): void {
  const { left, top, width, height, data } = painted;
  for (let i = 0; i < width * height; i++) {
    const x = originX + left + (i % width);
    const y = originY + top + Math.floor(i / width);
    const alpha = data[4 * i + 3]! / 255;
    if (alpha <= 0 || x < 0 || x >= canvas.width || y < 0 || y >= canvas.height) continue;
    blendPixel(canvas, y * canvas.width + x, [data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!], alpha);
  }
}

function coverageOf(glyph: Glyph, remainder: number, scale: number, cache: GlyphCache): Coverage {
  const phase = (remainder + PHASES) % PHASES; // The remainder is negative to the left of the image.
  const phases = cache.get(glyph) ?? [];
  cache.set(glyph, phases);
  phases[phase] ??= rasterize(glyph.contours, (p) => ({ x: phase / PHASES + p.x * scale, y: -p.y * scale }));
  return phases[phase];
}

function drawCoverage(
  canvas: Canvas,
  coverage: Coverage,
  [originX, originY]: readonly [number, number],
  colour: Colour,
): void {
  for (let row = 0; row < coverage.height; row++) {
    const y = originY + coverage.top + row;
    if (y < 0 || y >= canvas.height) continue;
    for (let column = 0; column < coverage.width; column++) {
      const x = originX + coverage.left + column;
      const alpha = coverage.data[row * coverage.width + column]!;
      if (alpha > 0 && x >= 0 && x < canvas.width) blendPixel(canvas, y * canvas.width + x, colour, alpha);
    }
  }
}
