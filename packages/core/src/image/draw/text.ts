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
}

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
  const scale = line.size / font.unitsPerEm;
  let place = x * PHASES;
  for (const glyph of line.glyphs) {
    const start = Math.round(place);
    const coverage = coverageOf(glyph, start % PHASES, scale, cache);
    drawCoverage(canvas, coverage, [Math.floor(start / PHASES), y], colour);
    place += glyph.advance * scale * PHASES;
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
