import type { RgbImage } from "@whybox/core";

/** The image with full opacity, for a canvas. */
export function toImageData({ width, height, data }: RgbImage): ImageData {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    image.data[to] = data[from]!;
    image.data[to + 1] = data[from + 1]!;
    image.data[to + 2] = data[from + 2]!;
    image.data[to + 3] = 255;
  }
  return image;
}

/** The image as a PNG file. */
export function pngOf(image: RgbImage): Promise<Blob> {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d")!.putImageData(toImageData(image), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
