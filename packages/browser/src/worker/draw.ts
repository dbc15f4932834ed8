import { type RgbImage, renderOverlay } from "@whybox/core";
import { pngOf } from "../image-data.js";
import type { HeatDrawing } from "../protocol.js";
import { paintText } from "./paint-text.js";

/** The image with heatmap and boxes, at full resolution, as PNG. */
export function drawPng(pixels: RgbImage, { heat, ...look }: HeatDrawing): Promise<Blob> {
  return pngOf(renderOverlay(pixels, heat, { ...look, paintText }));
}
