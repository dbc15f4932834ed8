import type { RgbImage } from "../frame.js";

export interface Canvas {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

export type Colour = readonly [red: number, green: number, blue: number];

/** A coloured line with a rim on both sides, so that it shows on any image. */
export interface OutlinePen {
  /** Widths in pixels. */
  readonly line: number;
  readonly rim: number;
  readonly colour: Colour;
  readonly rimColour: Colour;
  /** Opacity of the rim, 0..1. */
  readonly rimAlpha: number;
}

/** A rectangle in whole pixels. `right` and `bottom` are exclusive. Parts outside the canvas are not drawn. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Returns a copy of an image to draw into. */
export function canvasOf(image: RgbImage): Canvas {
  return { height: image.height, width: image.width, data: Uint8Array.from(image.data) };
}

/** Fills a rectangle; `alpha` 0..1. */
export function fillRect(canvas: Canvas, rect: Rect, colour: Colour, alpha = 1): void {
  const left = Math.max(0, rect.left);
  const right = Math.min(canvas.width, rect.right);
  const bottom = Math.min(canvas.height, rect.bottom);
  for (let y = Math.max(0, rect.top); y < bottom; y++) {
    for (let x = left; x < right; x++) blendPixel(canvas, y * canvas.width + x, colour, alpha);
  }
}

/** Draws the outline of a rectangle, `width` pixels wide, inside the rectangle. A rectangle thinner than two lines is filled. */
export function strokeRect(canvas: Canvas, rect: Rect, width: number, colour: Colour, alpha = 1): void {
  const { left, top, right, bottom } = rect;
  if (right - left <= 2 * width || bottom - top <= 2 * width) {
    fillRect(canvas, rect, colour, alpha);
    return;
  }
  fillRect(canvas, { left, top, right, bottom: top + width }, colour, alpha);
  fillRect(canvas, { left, top: bottom - width, right, bottom }, colour, alpha);
  fillRect(canvas, { left, top: top + width, right: left + width, bottom: bottom - width }, colour, alpha);
  fillRect(canvas, { left: right - width, top: top + width, right, bottom: bottom - width }, colour, alpha);
}

/** Draws the outline of a rectangle in dashes, `width` pixels wide, inside the rectangle. Dashes and gaps are `dash` pixels long. */
export function dashRect(canvas: Canvas, rect: Rect, width: number, dash: number, colour: Colour): void {
  const { left, top, right, bottom } = rect;
  for (let x = left; x < right; x += 2 * dash) {
    const end = Math.min(right, x + dash);
    fillRect(canvas, { left: x, top, right: end, bottom: Math.min(bottom, top + width) }, colour);
    fillRect(canvas, { left: x, top: Math.max(top, bottom - width), right: end, bottom }, colour);
  }
  for (let y = top; y < bottom; y += 2 * dash) {
    const end = Math.min(bottom, y + dash);
    fillRect(canvas, { left, top: y, right: Math.min(right, left + width), bottom: end }, colour);
    fillRect(canvas, { left: Math.max(left, right - width), top: y, right, bottom: end }, colour);
  }
}

/** Returns `rect` with each side moved out by `by` pixels. */
export function grow(rect: Rect, by: number): Rect {
  return { left: rect.left - by, top: rect.top - by, right: rect.right + by, bottom: rect.bottom + by };
}

/** Blends a colour over the pixel with this index (`y * width + x`). The pixel must be inside the canvas. */
export function blendPixel(canvas: Canvas, index: number, colour: Colour, alpha: number): void {
  const { data } = canvas;
  for (let c = 0; c < 3; c++) {
    const at = index * 3 + c;
    data[at] = Math.round(data[at]! + (colour[c]! - data[at]!) * alpha);
  }
}

/** Copies a whole image into the canvas. It must fit. */
export function paste(canvas: Canvas, image: RgbImage, left: number, top: number): void {
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    canvas.data.set(row, ((top + y) * canvas.width + left) * 3);
  }
}
