import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import type { RgbImage } from "./frame.js";
import { checkRgbImage } from "./rgb-image.js";

/**
 * The picture with one part of it replaced by its mean colour (each channel's mean over all pixels, rounded). With `keep` "rest" the pixels
 * where the heatmap is above 0 go: what is left when the network loses what it looked at. With "hot" the others go: all that it looked at.
 * @param heatmap in the frame of the picture; NaN counts as 0.
 * @throws usage when the heatmap has not the picture's size, or the picture's data does not fit its size.
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

/** @throws usage when the heatmap has not the picture's size. */
export function checkHeatmapSize(image: RgbImage, { height, width, data }: Map2D): void {
  if (height === image.height && width === image.width && data.length === height * width) return;
  throw new WhyboxError(
    "usage",
    `The heatmap is [${height}, ${width}] with ${data.length} values, the picture [${image.height}, ${image.width}]. Give the heatmap in the frame of the picture (see unletterbox).`,
  );
}

function meanColour({ data }: RgbImage): number[] {
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % 3]! += data[i]!;
  return sums.map((sum) => Math.round((sum * 3) / data.length));
}
