import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import { colormap } from "./colormap.js";
import { checkHeatmapSize, cropByHeatmap } from "./crop.js";
import { type Canvas, canvasOf, paste } from "./draw/canvas.js";
import { drawCaption } from "./draw/draw-caption.js";
import { type DrawnDetection, drawDetections } from "./draw/draw-detections.js";
import type { RgbImage } from "./frame.js";
import { checkRgbImage } from "./rgb-image.js";

export type { DrawnDetection } from "./draw/draw-detections.js";

export interface OverlayOptions {
  /** One of `colormapNames`. Default "jet". */
  readonly colormap?: string;
  /** Share of the heatmap's colour, 0 (only the picture) to 1 (only the heatmap). Default 0.5. */
  readonly opacity?: number;
  /** Drawn on top, strongest last. Default none. */
  readonly detections?: readonly DrawnDetection[];
  /** Boxes, and masks and keypoints where the detections have them. Default true. */
  readonly boxes?: boolean;
  /** Class and confidence beside each box. Default true. */
  readonly labels?: boolean;
  /**
   * In place of the heatmap's colours: the picture without what is hot ("rest" stays), or with nothing else ("hot" stays), the other part in
   * its mean colour (see `cropByHeatmap`). Default undefined: the heatmap's colours.
   */
  readonly crop?: "rest" | "hot";
  /** The picture on the left and the overlay on the right. Default false. */
  readonly sideBySide?: boolean;
  /** A line in the lower left corner of the overlay. Default none; pictures with a side under 96 pixels have no room for it. */
  readonly caption?: string;
}

/**
 * The picture with the heatmap over it: per pixel `(1 - opacity) * picture + opacity * colour of the heat`, then boxes and
 * labels. A heatmap without any heat (nothing was detected or explained) leaves the picture as it is, without a veil.
 * @param heatmap in the frame of the picture, 0..1; values outside are clipped, NaN counts as 0.
 * @throws usage when the heatmap has not the picture's size, the opacity is not 0..1, the colour map is unknown, or the
 * picture's data does not fit its size.
 */
export function renderOverlay(image: RgbImage, heatmap: Map2D, options: OverlayOptions = {}): RgbImage {
  const { opacity = 0.5, detections = [], boxes = true, labels = true } = options;
  const table = colormap(options.colormap ?? "jet");
  checkRgbImage(image);
  checkOpacity(opacity);
  checkHeatmapSize(image, heatmap);
  const isHot = heatmap.data.some((value) => value > 0);
  const overlay = canvasOf(isHot && options.crop !== undefined ? cropByHeatmap(image, heatmap, options.crop) : image);
  if (isHot && options.crop === undefined) blend(overlay, heatmap, table, opacity);
  drawDetections(overlay, detections, { boxes, labels });
  if (options.caption !== undefined) drawCaption(overlay, options.caption);
  if (options.sideBySide !== true) return overlay;
  const original = canvasOf(image);
  drawDetections(original, detections, { boxes, labels });
  return joinSideBySide(original, overlay);
}

function blend(canvas: Canvas, heatmap: Map2D, table: Uint8Array, opacity: number): void {
  const { data } = canvas;
  const picture = Float32Array.from({ length: 256 }, (_, byte) => (1 - opacity) * byte + 0.5);
  const heat = Float32Array.from(table, (byte) => opacity * byte);
  for (let i = 0, at = 0; i < heatmap.data.length; i++) {
    const value = heatmap.data[i]!;
    const level = value > 0 ? (Math.min(value, 1) * 255 + 0.5) | 0 : 0;
    for (let c = level * 3; c < level * 3 + 3; c++, at++) data[at] = picture[data[at]!]! + heat[c]!;
  }
}

function joinSideBySide(left: RgbImage, right: RgbImage): RgbImage {
  const gap = Math.max(2, Math.round(Math.min(left.height, left.width) / 100));
  const width = left.width + gap + right.width;
  const canvas = { height: left.height, width, data: new Uint8Array(left.height * width * 3).fill(255) };
  paste(canvas, left, 0, 0);
  paste(canvas, right, left.width + gap, 0);
  return canvas;
}

function checkOpacity(opacity: number): void {
  if (opacity >= 0 && opacity <= 1) return;
  throw new WhyboxError("usage", `The opacity is ${opacity}; expected a number from 0 to 1.`, { details: { opacity } });
}
