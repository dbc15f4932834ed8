import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import { type Colormap, type ColormapName, colormap } from "./colormap.js";
import { checkHeatmapSize, cropByHeatmap } from "./crop.js";
import { type Canvas, canvasOf, paste } from "./draw/canvas.js";
import { drawCaption } from "./draw/draw-caption.js";
import { type DrawnDetection, drawDetections } from "./draw/draw-detections.js";
import type { PaintText } from "./draw/text.js";
import { drawingOptions } from "./drawing-options.js";
import type { RgbImage } from "./frame.js";
import { checkRgbImage } from "./rgb-image.js";

export type { DrawnDetection } from "./draw/draw-detections.js";

export interface OverlayOptions {
  /** Colours of the heatmap: a name, or a table of your own. Default "inferno". */
  readonly colormap?: ColormapName | Colormap;
  /** Opacity of the heatmap, from 0 (only the image) to 1 (only the heatmap). Default 0.6. */
  readonly opacity?: number;
  /** Detections that are drawn on top. The one with the highest confidence is drawn last. Default: none. */
  readonly detections?: readonly DrawnDetection[];
  /** Draw boxes, and the masks and keypoints of the detections. Default true. */
  readonly boxes?: boolean;
  /** Draw the class and confidence of each box. Default true. */
  readonly labels?: boolean;
  /**
   * Instead of the heatmap's colours, draw the image without the hot pixels ("rest"), or only the hot pixels ("hot"). The other pixels have the
   * image's mean colour (see `cropByHeatmap`). Default undefined: draw the heatmap's colours.
   */
  readonly crop?: "rest" | "hot";
  /** Draw the image on the left and the overlay on the right. Default false. */
  readonly sideBySide?: boolean;
  /**
   * Draws labels with letters that Whybox's own font lacks (Chinese, emoji, …), with the fonts of the platform. Default: none. The number of the
   * class stands for such letters ("#3").
   */
  readonly paintText?: PaintText;
  /** A line of text in the lower left corner of the overlay. Default: none. Images with a side below 96 pixels have no room for it. */
  readonly caption?: string;
}

/**
 * Draws the heatmap over the image: `(1 - opacity) * image + opacity * colour of the heatmap` for each pixel. Then it draws boxes and
 * labels. A heatmap without positive values (nothing was detected or explained) does not change the image.
 * @param heatmap in the frame of the image, 0..1. Values outside this range are clipped. NaN counts as 0.
 * @throws usage when the heatmap does not have the size of the image, the opacity is not within 0..1, the colour map is unknown, or the
 * image's data does not match its size.
 */
export function renderOverlay(image: RgbImage, heatmap: Map2D, options: OverlayOptions = {}): RgbImage {
  const { opacity = drawingOptions.opacity.default, detections = [], boxes = true, labels = true, paintText } = options;
  const table = colormap(options.colormap ?? drawingOptions.colormap.default);
  checkRgbImage(image);
  checkOpacity(opacity);
  checkHeatmapSize(image, heatmap);
  const isHot = heatmap.data.some((value) => value > 0);
  const overlay = canvasOf(isHot && options.crop !== undefined ? cropByHeatmap(image, heatmap, options.crop) : image);
  if (isHot && options.crop === undefined) blend(overlay, heatmap, table, opacity);
  drawDetections(overlay, detections, { boxes, labels, paintText });
  if (options.caption !== undefined) drawCaption(overlay, options.caption);
  if (options.sideBySide !== true) return overlay;
  const original = canvasOf(image);
  drawDetections(original, detections, { boxes, labels, paintText });
  return joinSideBySide(original, overlay);
}

function blend(canvas: Canvas, heatmap: Map2D, table: Uint8Array, opacity: number): void {
  const { data } = canvas;
  const background = Float32Array.from({ length: 256 }, (_, byte) => (1 - opacity) * byte + 0.5);
  const heat = Float32Array.from(table, (byte) => opacity * byte);
  for (let i = 0, at = 0; i < heatmap.data.length; i++) {
    const value = heatmap.data[i]!;
    const level = value > 0 ? (Math.min(value, 1) * 255 + 0.5) | 0 : 0;
    for (let c = level * 3; c < level * 3 + 3; c++, at++) data[at] = background[data[at]!]! + heat[c]!;
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
