import type { Map2D } from "@whybox/core";

/** Maximum number of map pixels that are drawn. Larger maps are drawn at a lower resolution. */
const MAX_DRAWN = 1_500_000;

/** The values 0..1 of a map as colours of the table, for a canvas over the image. */
export function heatImage(heat: Map2D, table: Uint8Array): ImageData {
  return mapImage(heat, (value, data, at) => {
    const level = Math.round(Math.min(Math.max(value, 0), 1) * 255) * 3;
    data[at] = table[level]!;
    data[at + 1] = table[level + 1]!;
    data[at + 2] = table[level + 2]!;
    data[at + 3] = 255;
  });
}

/** An image with a pixel for each value of a map. `put` writes its red, green, blue and alpha at `at`. */
export function mapImage(
  { width, height, data }: Map2D,
  put: (value: number, data: Uint8ClampedArray, at: number) => void,
): ImageData {
  const step = Math.ceil(Math.sqrt((width * height) / MAX_DRAWN));
  const image = new ImageData(Math.ceil(width / step), Math.ceil(height / step));
  for (let y = 0, at = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step, at += 4) put(data[y * width + x]!, image.data, at);
  }
  return image;
}
