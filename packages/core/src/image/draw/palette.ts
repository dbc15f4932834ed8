import type { Colour } from "./canvas.js";

/**
 * Colours that people with any colour vision can distinguish: Okabe and Ito, "Color Universal Design" (2008). White replaces
 * black, and the blue is lighter, because black and dark blue are hard to see on photos and under jet.
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
 * Returns a colour for each class of one image. A class has the same colour in every image, unless a class with a lower index has
 * that colour in this image. It then gets the next free colour. When there are more classes than colours, classes share colours.
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

/** Returns black or white: the one with more contrast to the background (WCAG 2 relative luminance). */
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
