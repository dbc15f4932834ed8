import { type Canvas, type Colour, fillRect } from "./canvas.js";
import { loadFont } from "./font.js";
import { drawText, fitText } from "./text.js";

const BACKGROUND: Colour = [0, 0, 0];
const INK: Colour = [255, 255, 255];
/** Minimum length of the shorter side in pixels. On a smaller image, a line of text would hide the image. */
const MIN_SIDE = 96;

/** Writes one line of text in the lower left corner. Text that does not fit is cut off. */
export function drawCaption(canvas: Canvas, text: string): void {
  const side = Math.min(canvas.height, canvas.width);
  if (side < MIN_SIDE) return;
  const size = Math.round(Math.max(10, side / 36));
  const padding = Math.max(2, Math.round(size / 4));
  const font = loadFont();
  const line = fitText(font, text, size, canvas.width - 2 * padding);
  const bottom = canvas.height;
  const top = bottom - size - 2 * padding;
  fillRect(canvas, { left: 0, top, right: line.width + 2 * padding, bottom }, BACKGROUND);
  drawText(canvas, line, { font, origin: [padding, bottom - padding - Math.round(size / 6)], colour: INK });
}
