import type { Map2D } from "../tensor/tensor.js";
import { cropByHeatmap } from "./crop.js";
import { type Canvas, paste } from "./draw/canvas.js";
import { loadFont } from "./draw/font.js";
import { drawText, fitText, type GlyphCache } from "./draw/text.js";
import type { Box, RgbImage, Size } from "./frame.js";
import { resampleMask } from "./mask.js";
import { type DrawnDetection, type OverlayOptions, renderOverlay } from "./overlay.js";
import { type Region, resizeRegion } from "./resize-region.js";

/** One tile of a contact sheet: a heatmap, the detections that it explains, and the caption below. */
export interface SheetTile {
  /** In the frame of the image, 0..1. */
  readonly heatmap: Map2D;
  readonly detections: readonly DrawnDetection[];
  readonly caption: string;
}

/** Maximum number of tiles. With more, the tiles are too small to read. */
export const MAX_TILES = 64;

/** The options of `renderOverlay`, without those that captions replace. */
export interface SheetOptions
  extends Omit<OverlayOptions, "detections" | "labels" | "sideBySide" | "paintText" | "caption"> {
  /** Maximum number of tiles, at most 64. Default 64. */
  readonly limit?: number;
}

const BACKGROUND = 255;
const INK = [32, 32, 32] as const;
/** Pixels between tiles and around them. */
const GAP = 14;
const FONT_SIZE = 16;
const CAPTION = 26;
/** Target width of the sheet, and limits of the width of its cells. */
const SHEET_WIDTH = 1600;
const CELL = { min: 200, max: 480 } as const;
/** Target aspect of the sheet: width / height. */
const SHEET_ASPECT = 1.5;
/** A tile shows a region three times as large as the box, so that a small object stays visible in its context. */
const CONTEXT = 3;
const MIN_SHARE = 1 / 3;
/** Above this share of the image's sides, a tile shows the whole image. */
const NEARLY_ALL = 0.8;

/**
 * Draws the explanations of one image side by side, in rows. Each tile shows the image, or the region around a small box, with its heatmap,
 * box and caption. If there are more tiles than the limit, the last line gives the number of tiles that are not shown.
 * @throws usage under the conditions of `renderOverlay`.
 */
export function renderContactSheet(
  image: RgbImage,
  tiles: readonly SheetTile[],
  { limit = MAX_TILES, ...options }: SheetOptions = {},
): RgbImage {
  const shown = tiles.slice(0, Math.min(limit, MAX_TILES));
  const hidden = tiles.length - shown.length;
  const grid = planGrid(shown.length, image);
  const height = GAP + grid.rows * (grid.cellHeight + GAP) + (hidden > 0 ? CAPTION : 0);
  const width = GAP + grid.columns * (grid.cellWidth + GAP);
  const sheet: Canvas = { height, width, data: new Uint8Array(height * width * 3).fill(BACKGROUND) };
  const font = loadFont();
  const cache: GlyphCache = new Map();
  const write = (text: string, left: number, bottom: number, room: number): void =>
    drawText(sheet, fitText(font, text, FONT_SIZE, room), { font, origin: [left, bottom - 8], colour: INK, cache });
  const shrink = shrinker(grid.tile);
  shown.forEach((tile, i) => {
    const left = GAP + (i % grid.columns) * (grid.cellWidth + GAP);
    const top = GAP + Math.floor(i / grid.columns) * (grid.cellHeight + GAP);
    paste(sheet, drawTile(image, tile, shrink, options), left, top);
    write(tile.caption, left, top + grid.cellHeight, grid.cellWidth);
  });
  if (hidden > 0) write(`… and ${hidden} more`, GAP, height - GAP / 2, width - 2 * GAP);
  return sheet;
}

interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** `[h, w]` of the image in a cell. */
  readonly tile: readonly [height: number, width: number];
}

/** Chooses the number of columns. The aspect should be close to the target, with few empty cells. */
function planGrid(count: number, image: RgbImage): Grid {
  const grids = Array.from({ length: Math.max(1, count) }, (_, i) => gridOf(i + 1, count, image));
  const cost = ({ columns, rows, cellWidth, cellHeight }: Grid): number => {
    const aspect = (columns * cellWidth) / (rows * cellHeight);
    return Math.abs(Math.log(aspect / SHEET_ASPECT)) + (columns * rows - count) / (columns * rows);
  };
  return grids.reduce((best, grid) => (cost(grid) < cost(best) ? grid : best));
}

function gridOf(columns: number, count: number, { height, width }: RgbImage): Grid {
  const side = Math.min(CELL.max, Math.max(CELL.min, Math.floor(SHEET_WIDTH / columns)));
  const scale = side / Math.max(height, width);
  const tile = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))] as const;
  const cellWidth = Math.max(tile[1], CELL.min);
  return { columns, rows: Math.ceil(count / columns), cellWidth, cellHeight: tile[0] + CAPTION, tile };
}

/** Resizes a region of an image to the size of a tile. */
interface Shrink {
  readonly size: Size;
  pixels(source: RgbImage, region: Region): Uint8Array;
}

/** Keeps the last pixels: tiles of large objects all show the whole image. */
function shrinker(size: Size): Shrink {
  let last: { readonly source: RgbImage; readonly key: string; readonly pixels: Uint8Array } | undefined;
  return {
    size,
    pixels: (source, region) => {
      const key = JSON.stringify(region);
      if (last?.source !== source || last.key !== key) {
        const samples = resizeRegion(source, 3, region, size);
        // A plain loop: `Uint8Array.from` with a function takes ten times as long.
        const pixels = new Uint8Array(samples.length);
        for (let i = 0; i < pixels.length; i++) pixels[i] = Math.round(samples[i]!);
        last = { source, key, pixels };
      }
      return last.pixels;
    },
  };
}

function drawTile(
  image: RgbImage,
  { heatmap, detections }: SheetTile,
  { size, pixels }: Shrink,
  { crop, ...options }: OverlayOptions,
): RgbImage {
  const [height, width] = size;
  const region = regionAround(detections, image);
  const isCropped = crop !== undefined && heatmap.data.some((value) => value > 0);
  const source = isCropped ? cropByHeatmap(image, heatmap, crop) : image;
  const heat = crop === undefined ? resizeRegion(heatmap, 1, region, size) : new Float32Array(height * width);
  return renderOverlay(
    { height, width, data: pixels(source, region) },
    { height, width, data: heat },
    {
      ...options,
      detections: detections.map((one) => moved(one, region, size)),
      labels: false,
    },
  );
}

/** The region of the image that a tile shows. It has the aspect of the image. */
function regionAround(detections: readonly DrawnDetection[], { height, width }: RgbImage): Region {
  const boxes = detections.map(({ boxImage }) => boxImage);
  const [x1, y1] = [Math.min(...boxes.map((box) => box.x1)), Math.min(...boxes.map((box) => box.y1))];
  const [x2, y2] = [Math.max(...boxes.map((box) => box.x2)), Math.max(...boxes.map((box) => box.y2))];
  const share = Math.max((CONTEXT * (x2 - x1)) / width, (CONTEXT * (y2 - y1)) / height, MIN_SHARE);
  if (boxes.length === 0 || share > NEARLY_ALL) return { left: 0, top: 0, right: width, bottom: height };
  const [h, w] = [Math.max(1, Math.round(height * share)), Math.max(1, Math.round(width * share))];
  const left = Math.max(0, Math.min(width - w, Math.round((x1 + x2 - w) / 2)));
  const top = Math.max(0, Math.min(height - h, Math.round((y1 + y2 - h) / 2)));
  return { left, top, right: left + w, bottom: top + h };
}

/** Converts a detection to the pixels of a tile that shows a region of the image. */
function moved(detection: DrawnDetection, region: Region, size: Size): DrawnDetection {
  const { left, top, right, bottom } = region;
  const x = (value: number): number => ((value - left) * size[1]) / (right - left);
  const y = (value: number): number => ((value - top) * size[0]) / (bottom - top);
  const { boxImage: box, mask, keypoints, corners } = detection;
  const boxImage: Box<"image"> = { frame: "image", x1: x(box.x1), y1: y(box.y1), x2: x(box.x2), y2: y(box.y2) };
  return {
    ...detection,
    boxImage,
    ...(mask === undefined ? {} : { mask: resampleMask(mask, region, size) }),
    ...(keypoints === undefined ? {} : { keypoints: keypoints.map((one) => ({ ...one, x: x(one.x), y: y(one.y) })) }),
    ...(corners === undefined ? {} : { corners: corners.map((corner) => [x(corner[0]), y(corner[1])] as const) }),
  };
}
