import { WhyboxError } from "../errors.js";
import type { PaintText } from "../image/draw/text.js";
import { type DrawingOptions, drawingOptions } from "../image/drawing-options.js";
import type { RgbImage } from "../image/frame.js";
import { type DrawnDetection, renderOverlay } from "../image/overlay.js";
import { type PixelArray, rgbPixels } from "../image/pixels.js";
import { readOptions } from "../options/values.js";
import type { ExplainResult } from "./result/result.js";

/** Options of `drawResult`, `drawHeatmap` and `toPng`. The defaults are those of the command's images. */
export interface DrawResultOptions extends DrawingOptions {
  /** Draw the heatmap of this detection alone, by its index. Needs a result with `per`. Default: the heatmap of the image. */
  readonly detection?: number;
  /** Draws labels with letters that Whybox's own font lacks, with the fonts of the platform. Default: none. */
  readonly paintText?: PaintText;
}

/**
 * Draws a result over its image, as the command does: the heatmap, and the boxes that it explains.
 * @param image the image that was explained. Grey becomes RGB, and alpha is dropped.
 * @throws usage when the image has another size than the one that was explained, or for an invalid option.
 */
export function drawResult(image: PixelArray, result: ExplainResult, options: DrawResultOptions = {}): RgbImage {
  const { detection, paintText, ...rest } = options;
  const { crop, cropKeep, colormap, opacity, hideBoxes, hideLabels, sideBySide } = readOptions<
    DrawingOptions,
    typeof drawingOptions
  >(rest, drawingOptions).options;
  if (crop && cropKeep) throw new WhyboxError("usage", "crop and cropKeep exclude each other. Use one of them.");
  checkSize(image, result);
  const rgb = rgbPixels(image);
  const { heatmap, drawn } = detection === undefined ? wholeOf(result) : partOf(result, detection);
  const part = crop ? "rest" : cropKeep ? "hot" : undefined;
  return renderOverlay(rgb, heatmap, {
    ...{ colormap, opacity, sideBySide, detections: drawn, boxes: !hideBoxes, labels: !hideLabels },
    ...(part && { crop: part }),
    ...(paintText && { paintText }),
  });
}

/** The boxes in the image of a result: those that the heatmap explains, else all, and a box that was asked about. */
export function drawnDetections({ detections, explained, asked }: ExplainResult): readonly DrawnDetection[] {
  const shown: readonly DrawnDetection[] =
    explained.length === 0 ? detections : explained.map((index) => detections[index]!);
  // The class has no index here, so the box has no class colour.
  return asked === undefined ? shown : [...shown, { ...asked, classIndex: -1, asked: true }];
}

function wholeOf(result: ExplainResult) {
  return { heatmap: result.heatmap, drawn: drawnDetections(result) };
}

function partOf({ maps, detections }: ExplainResult, index: number) {
  const map = maps.find((one) => one.detections.includes(index));
  if (map === undefined) {
    const known = maps.flatMap((one) => one.detections);
    const found = known.length === 0 ? "has no maps of single detections" : `has maps of ${known.join(", ")}`;
    throw new WhyboxError("usage", `detection is ${index}, but the result ${found}. Explain with per: "detection".`);
  }
  return { heatmap: map.heatmap, drawn: map.detections.map((one) => detections[one]!) };
}

/** What `drawHeatmap` uses of a canvas: `CanvasRenderingContext2D`, that of an `OffscreenCanvas`, or that of a canvas package of Node. */
export interface DrawingContext<Pixels extends PixelArray = PixelArray> {
  readonly canvas: { readonly width: number; readonly height: number };
  getImageData(x: number, y: number, width: number, height: number): Pixels;
  putImageData(pixels: Pixels, x: number, y: number): void;
}

/**
 * Draws a result on a canvas that shows the image, as the command does: `context.drawImage(photo, 0, 0); drawHeatmap(context, result)`. The
 * canvas has the size of the image. CSS may scale it.
 * @throws usage as `drawResult`.
 */
export function drawHeatmap<Pixels extends PixelArray>(
  context: DrawingContext<Pixels>,
  result: ExplainResult,
  options: Omit<DrawResultOptions, "sideBySide"> = {},
): void {
  const { width, height } = context.canvas;
  checkSize({ width, height }, result);
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = drawResult(pixels, result, options);
  for (let from = 0, to = 0; from < data.length; to += 4) {
    pixels.data[to] = data[from++]!;
    pixels.data[to + 1] = data[from++]!;
    pixels.data[to + 2] = data[from++]!;
    pixels.data[to + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

function checkSize({ width, height }: Pick<PixelArray, "width" | "height">, { letterbox }: ExplainResult): void {
  const [h, w] = letterbox.imageSize;
  if (width === w && height === h) return;
  throw new WhyboxError(
    "usage",
    `The image or canvas to draw on has ${width} × ${height} pixels, but the result is of an image of ${w} × ${h}. Use the image that was explained, in its own size.`,
    { details: { width, height, imageSize: letterbox.imageSize } },
  );
}
