import { colormap, drawingOptions } from "@whybox/core";
import { type Columns, grids } from "../src/format.js";
import type { ReportData, RowData } from "./data.js";

const colours = colormap(drawingOptions.colormap.default);

/** A part of an image, in image pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A region of twice the box's size, with the same centre. It may extend outside the image. */
function around({ x1, y1, x2, y2 }: Columns, row: number): Region {
  const [width, height] = [x2[row]! - x1[row]!, y2[row]! - y1[row]!];
  const more = (grids.context - 1) / 2;
  const [x, y] = [x1[row]! - more * width, y1[row]! - more * height];
  return { x, y, width: width * grids.context, height: height * grids.context };
}

/** The part of that region inside the image. It has at least one pixel. */
export function inImage(data: ReportData, row: number): Region {
  const { x, y, width, height } = clipped(data, row);
  return { x, y, width: Math.max(1, width), height: Math.max(1, height) };
}

/** The part of the region inside the image. With `whole`, it covers whole pixels, as the crops that the command made. */
function clipped({ columns, list }: ReportData, row: number, { whole = false } = {}): Region {
  const image = columns.image[row]!;
  const region = around(columns, row);
  const [floor, ceil] = whole ? [Math.floor, Math.ceil] : [Number, Number];
  const [x, y] = [Math.max(0, floor(region.x)), Math.max(0, floor(region.y))];
  const right = Math.min(list.width[image]!, ceil(region.x + region.width));
  const bottom = Math.min(list.height[image]!, ceil(region.y + region.height));
  return { x, y, width: right - x, height: bottom - y };
}

export interface DrawOptions {
  /** The part of the image on the canvas. */
  readonly region: Region;
  /** Longest side of the canvas in screen pixels. */
  readonly side: number;
  /** Opacity of the map. 0 shows the image only. */
  readonly opacity: number;
  /** Other rows of the same image. Their boxes have thin lines. */
  readonly others?: readonly number[];
  readonly whole: boolean;
}

/** Draws a row's image, map and box (none for a class of the whole image). Returns false if the report does not have the image. */
export async function drawRow(
  canvas: HTMLCanvasElement,
  data: ReportData,
  row: number,
  { region, side, opacity, others = [], whole }: DrawOptions,
): Promise<boolean> {
  const parts = await data.row(row);
  const shown = await bitmapOf(parts, whole);
  const scale = (side * devicePixelRatio) / Math.max(region.width, region.height);
  canvas.width = Math.max(1, Math.round(region.width * scale));
  canvas.height = Math.max(1, Math.round(region.height * scale));
  const context = canvas.getContext("2d")!;
  context.setTransform(scale, 0, 0, scale, -region.x * scale, -region.y * scale);
  context.imageSmoothingQuality = "high";
  const { columns, list } = data;
  const number = columns.image[row]!;
  const [width, height] = [list.width[number]!, list.height[number]!];
  if (shown !== undefined) {
    const place = shown.isCrop ? clipped(data, row, { whole: true }) : { x: 0, y: 0, width, height };
    context.drawImage(shown.bitmap, place.x, place.y, place.width, place.height);
    shown.bitmap.close();
  } else {
    context.fillStyle = "#30302e";
    context.fillRect(0, 0, width, height);
  }
  if (opacity > 0) {
    const [cells, count] = whole ? [parts.whole, grids.image] : [parts.box, grids.box];
    const place = whole ? { x: 0, y: 0, width, height } : around(columns, row);
    context.save();
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    context.drawImage(heat(cells, count, opacity), place.x, place.y, place.width, place.height);
    context.restore();
  }
  for (const other of others) if (other !== row) strokeBox(context, columns, other, scale, 0.55);
  if (data.facts.hasBoxes) strokeBox(context, columns, row, scale, 1);
  return shown !== undefined;
}

async function bitmapOf({ thumbnail, crop }: RowData, whole: boolean) {
  const blob = whole ? thumbnail : (crop ?? thumbnail);
  if (blob === undefined) return undefined;
  return { bitmap: await createImageBitmap(blob), isCrop: !whole && crop !== undefined };
}

/** A map in colours. Cells without heat are transparent, so that the image is visible. */
export function heat(cells: Uint8Array, side: number, opacity: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const value = cells[i]!;
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = colours[3 * value + c]!;
    image.data[4 * i + 3] = Math.round(255 * opacity * Math.min(1, (value / 255) ** 0.6 + 0.1));
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function strokeBox(context: CanvasRenderingContext2D, columns: Columns, row: number, scale: number, alpha: number) {
  const { x1, y1, x2, y2 } = columns;
  const width = devicePixelRatio / scale;
  context.save();
  context.globalAlpha = alpha;
  for (const [style, line] of [
    ["#000c", 3.5],
    ["#fff", 1.75],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = line * width * (alpha < 1 ? 0.7 : 1);
    context.strokeRect(x1[row]!, y1[row]!, x2[row]! - x1[row]!, y2[row]! - y1[row]!);
  }
  context.restore();
}
