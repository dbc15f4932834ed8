import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import type { RgbImage } from "./frame.js";
import { checkRgbImage } from "./rgb-image.js";

/**
 * Replaces a part of the image by the image's mean colour (the mean of each channel over all pixels, rounded). With `keep` "rest", the pixels
 * where the heatmap is above 0 are replaced. With "hot", the other pixels are replaced.
 * @param heatmap in the frame of the image. NaN counts as 0.
 * @throws usage when the heatmap does not have the size of the image, or the image's data does not match its size.
 */
export function cropByHeatmap(image: RgbImage, heatmap: Map2D, keep: "rest" | "hot"): RgbImage {
  checkRgbImage(image);
  checkHeatmapSize(image, heatmap);
  const { height, width } = image;
  const data = Uint8Array.from(image.data);
  const mean = meanColour(image);
  const cutHot = keep === "rest";
  for (let i = 0; i < heatmap.data.length; i++) {
    if (heatmap.data[i]! > 0 === cutHot) data.set(mean, i * 3);
  }
  return { height, width, data };
}

/** @throws usage when the heatmap does not have the size of the image. */
export function checkHeatmapSize(image: RgbImage, { height, width, data }: Map2D): void {
  if (height === image.height && width === image.width && data.length === height * width) return;
  throw new WhyboxError(
    "usage",
    `The heatmap is [${height}, ${width}] with ${data.length} values, but the image is [${image.height}, ${image.width}]. Use a heatmap in the frame of the image (see unletterbox).`,
  );
}

function meanColour({ data }: RgbImage): number[] {
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % 3]! += data[i]!;
  return sums.map((sum) => Math.round((sum * 3) / data.length));
}
