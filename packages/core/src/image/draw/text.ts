import { blendPixel, type Canvas, type Colour } from "./canvas.js";
import { type Font, type Glyph, shape } from "./font.js";
import { type Coverage, rasterize } from "./rasterize.js";

/** A text laid out in one line. */
export interface TextLine {
  readonly glyphs: readonly Glyph[];
  /** Font size in pixels. */
  readonly size: number;
  /** In pixels. */
  readonly width: number;
}

/** Lays a text out; `size` is the font size in pixels. */
export function layOut(font: Font, text: string, size: number): TextLine {
  const glyphs = shape(font, text).map((code) => font.glyphs.get(code)!);
  const units = glyphs.reduce((sum, glyph) => sum + glyph.advance, 0);
  return { glyphs, size, width: Math.ceil((units * size) / font.unitsPerEm) };
}

/** Draws a line of text with its base line at `[x, y]`, anti-aliased. What is outside of the canvas is not drawn. */
export function drawText(
  canvas: Canvas,
  font: Font,
  line: TextLine,
  [x, y]: readonly [number, number],
  colour: Colour,
): void {
  const scale = line.size / font.unitsPerEm;
  let pen = x;
  for (const glyph of line.glyphs) {
    const start = pen;
    drawCoverage(
      canvas,
      rasterize(glyph.contours, (p) => ({ x: start + p.x * scale, y: y - p.y * scale })),
      colour,
    );
    pen += glyph.advance * scale;
  }
}

function drawCoverage(canvas: Canvas, coverage: Coverage, colour: Colour): void {
  for (let row = 0; row < coverage.height; row++) {
    const y = coverage.top + row;
    if (y < 0 || y >= canvas.height) continue;
    for (let column = 0; column < coverage.width; column++) {
      const x = coverage.left + column;
      const alpha = coverage.data[row * coverage.width + column]!;
      if (alpha > 0 && x >= 0 && x < canvas.width) blendPixel(canvas, y * canvas.width + x, colour, alpha);
    }
  }
}
