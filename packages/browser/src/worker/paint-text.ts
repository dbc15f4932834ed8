import type { PaintText } from "@whybox/core";

const FAMILY = "system-ui, sans-serif";
/** A code point that no font has. It is drawn as all letters that are missing. */
const NO_LETTER = "\u{10fffe}";
const PROBE = 24;

/** Draws a text with the browser's fonts, for labels with letters that Whybox's own font lacks. Undefined if the browser lacks them too. */
export const paintText: PaintText = (text, size, colour) => {
  if ([...graphemes.segment(text)].some(({ segment }) => isMissing(segment))) return undefined;
  const measured = pen(new OffscreenCanvas(1, 1), size).measureText(text);
  const left = Math.floor(-measured.actualBoundingBoxLeft);
  const top = Math.floor(-measured.actualBoundingBoxAscent);
  const width = Math.max(1, Math.ceil(measured.actualBoundingBoxRight) - left);
  const height = Math.max(1, Math.ceil(measured.actualBoundingBoxDescent) - top);
  const context = pen(new OffscreenCanvas(width, height), size);
  context.fillStyle = `rgb(${colour.join(" ")})`;
  context.fillText(text, -left, -top);
  const { data } = context.getImageData(0, 0, width, height);
  return { advance: measured.width, left, top, width, height, data };
};

const graphemes = new Intl.Segmenter();
const known = new Map<string, boolean>();

/** Whether the browser draws a letter as it draws one that no font has. */
function isMissing(letter: string): boolean {
  if (/^[\x20-\x7e]$/.test(letter)) return false;
  const found = known.get(letter) ?? probe(letter) === probe(NO_LETTER);
  known.set(letter, found);
  return found;
}

function probe(letter: string): string {
  const context = pen(new OffscreenCanvas(2 * PROBE, 2 * PROBE), PROBE);
  context.fillText(letter, PROBE / 4, 1.5 * PROBE);
  return context.getImageData(0, 0, 2 * PROBE, 2 * PROBE).data.join();
}

function pen(canvas: OffscreenCanvas, size: number): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.font = `bold ${size}px ${FAMILY}`;
  return context;
}
