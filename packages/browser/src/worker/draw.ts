import { type RgbImage, renderOverlay } from "@whybox/core";
import type { DrawRequest } from "../protocol.js";
import { paintText } from "./paint-text.js";

/** The image with heatmap and boxes, at full resolution, as PNG. */
export async function drawPng(pixels: RgbImage, request: DrawRequest): Promise<Blob> {
  const { heat, detections, colormap, opacity, crop } = request;
  const drawn = renderOverlay(pixels, heat, {
    ...{ colormap, opacity, detections, paintText },
    ...(crop ? { crop } : {}),
  });
  const canvas = new OffscreenCanvas(drawn.width, drawn.height);
  canvas.getContext("2d")!.putImageData(toImageData(drawn), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

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
