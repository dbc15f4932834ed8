import { type Mask, maskRegion } from "../mask.js";
import { blendPixel, type Canvas, type Colour } from "./canvas.js";

/**
 * Draws the outline of a mask, `line` pixels wide, inside the mask, with a dark rim on both sides. The inside is not filled, so that the heatmap
 * stays visible. A mask whose size is not that of the canvas is not drawn.
 */
export function drawMask(
  canvas: Canvas,
  mask: Mask,
  { line, rim }: { readonly line: number; readonly rim: number },
  colour: Colour,
  rimColour: Colour,
  rimAlpha: number,
): void {
  if (mask.size[0] !== canvas.height || mask.size[1] !== canvas.width) return;
  const region = maskRegion(mask, rim);
  const { left, top, width, height, pixels } = region;
  const outer = grown(pixels, height, width, rim, 1);
  const inner = grown(pixels, height, width, line, 0);
  const core = grown(inner, height, width, rim, 0);
  for (let i = 0; i < pixels.length; i++) {
    if (outer[i] === 0 || core[i] === 1) continue;
    const [x, y] = [left + (i % width), top + Math.floor(i / width)];
    if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) continue;
    const isLine = pixels[i] === 1 && inner[i] === 0;
    blendPixel(canvas, y * canvas.width + x, isLine ? colour : rimColour, isLine ? 1 : rimAlpha);
  }
}

/** Sets each pixel to `value` that has a pixel of `value` within `by` pixels (in a square). The mask grows with 1 and shrinks with 0. */
function grown(pixels: Uint8Array, height: number, width: number, by: number, value: 0 | 1): Uint8Array {
  const across = spread(pixels, height, width, 1, width, by, value);
  return spread(across, width, height, width, 1, by, value);
}

/** `grown` along one axis: `lines` lines of `length` pixels. Pixels of a line are `step` apart. */
function spread(
  pixels: Uint8Array,
  lines: number,
  length: number,
  step: number,
  lineStep: number,
  by: number,
  value: 0 | 1,
): Uint8Array {
  const result = pixels.slice();
  // No pixel outside the region is set.
  const outside = value === 0 ? -1 : Number.NEGATIVE_INFINITY;
  const end = value === 0 ? length : Number.POSITIVE_INFINITY;
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    let last = outside;
    for (let i = 0; i < length; i++) {
      if (pixels[start + i * step] === value) last = i;
      if (i - last <= by) result[start + i * step] = value;
    }
    last = end;
    for (let i = length - 1; i >= 0; i--) {
      if (pixels[start + i * step] === value) last = i;
      if (last - i <= by) result[start + i * step] = value;
    }
  }
  return result;
}
