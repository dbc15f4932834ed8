import { type Mask, type MaskRegion, maskRegion } from "../mask.js";
import { blendPixel, type Canvas, type OutlinePen } from "./canvas.js";

/**
 * Draws the outline of a mask, `line` pixels wide, inside the mask, with a dark rim on both sides. The inside is not filled, so that the heatmap
 * stays visible. A mask whose size is not that of the canvas is not drawn.
 */
export function drawMask(canvas: Canvas, mask: Mask, { line, rim, colour, rimColour, rimAlpha }: OutlinePen): void {
  if (mask.size[0] !== canvas.height || mask.size[1] !== canvas.width) return;
  const region = maskRegion(mask, rim);
  const { left, top, width, pixels } = region;
  const outer = grown(pixels, region, { by: rim, value: 1 });
  const inner = grown(pixels, region, { by: line, value: 0 });
  const core = grown(inner, region, { by: rim, value: 0 });
  for (let i = 0; i < pixels.length; i++) {
    if (outer[i] === 0 || core[i] === 1) continue;
    const [x, y] = [left + (i % width), top + Math.floor(i / width)];
    if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) continue;
    const isLine = pixels[i] === 1 && inner[i] === 0;
    blendPixel(canvas, y * canvas.width + x, isLine ? colour : rimColour, isLine ? 1 : rimAlpha);
  }
}

/** How far the pixels of one value spread. */
interface Spread {
  readonly by: number;
  readonly value: 0 | 1;
}

/** Sets each pixel to `value` that has a pixel of `value` within `by` pixels (in a square). The mask grows with 1 and shrinks with 0. */
function grown(pixels: Uint8Array, { height, width }: Pick<MaskRegion, "height" | "width">, given: Spread): Uint8Array {
  const across = spread(pixels, { lines: height, length: width, step: 1, lineStep: width }, given);
  return spread(across, { lines: width, length: height, step: width, lineStep: 1 }, given);
}

/** One axis: `lines` lines of `length` pixels. `step` leads from pixel to pixel, `lineStep` from line to line. */
interface Axis {
  readonly lines: number;
  readonly length: number;
  readonly step: number;
  readonly lineStep: number;
}

/** `grown` along one axis. */
function spread(pixels: Uint8Array, { lines, length, step, lineStep }: Axis, { by, value }: Spread): Uint8Array {
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
