import type { Colour } from "./canvas.js";

/**
 * Colours that people with any colour vision tell apart: Okabe and Ito, "Color Universal Design" (2008), with white in
 * place of black, and the blue lightened, for both would vanish on photos and under jet.
 */
const PALETTE: readonly Colour[] = [
  [230, 159, 0], // orange
  [86, 180, 233], // sky blue
  [240, 228, 66], // yellow
  [0, 158, 115], // bluish green
  [204, 121, 167], // reddish purple
  [213, 94, 0], // vermilion
  [255, 255, 255], // white
  [90, 150, 240], // blue
];

/**
 * A colour for each class of one picture. A class has the same colour in every picture, unless another class with a lower
 * index already took it here: then the next free one. More classes than colours share them.
 */
export function classColours(classIndices: readonly number[]): ReadonlyMap<number, Colour> {
  const classes = [...new Set(classIndices)].sort((a, b) => a - b);
  const taken = new Set<number>();
  const colours = new Map<number, Colour>();
  for (const index of classes) {
    if (taken.size === PALETTE.length) taken.clear();
    let slot = index % PALETTE.length;
    while (taken.has(slot)) slot = (slot + 1) % PALETTE.length;
    taken.add(slot);
    colours.set(index, PALETTE[slot]!);
  }
  return colours;
}

/** Black or white, whichever contrasts more with the background (WCAG 2 relative luminance). */
export function textColourOn(background: Colour): Colour {
  const luminance = luminanceOf(background);
  return (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) ? [0, 0, 0] : [255, 255, 255];
}

function luminanceOf([red, green, blue]: Colour): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function linear(byte: number): number {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}
