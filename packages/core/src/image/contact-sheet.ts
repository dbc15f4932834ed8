import type { Map2D } from "../tensor/tensor.js";
import { cropByHeatmap } from "./crop.js";
import { type Canvas, paste } from "./draw/canvas.js";
import { loadFont } from "./draw/font.js";
import { drawText, fitText, type GlyphCache } from "./draw/text.js";
import type { Box, RgbImage, Size } from "./frame.js";
import { resampleMask } from "./mask.js";
import { type DrawnDetection, type OverlayOptions, renderOverlay } from "./overlay.js";
import { type Region, resizeRegion } from "./resize-region.js";

/** One picture of a contact sheet: an explanation, what it is about, and what is written below it. */
export interface SheetTile {
  /** In the frame of the picture, 0..1. */
  readonly heatmap: Map2D;
  readonly detections: readonly DrawnDetection[];
  readonly caption: string;
}

/** Tiles at most: with more nobody sees anything. */
export const MAX_TILES = 64;

const BACKGROUND = 255;
const INK = [32, 32, 32] as const;
/** Pixels between tiles and around them. */
const GAP = 14;
const FONT_SIZE = 16;
const CAPTION = 26;
/** Width of the sheet that is aimed at, and of its cells. */
const SHEET_WIDTH = 1600;
const CELL = { least: 200, most: 480 } as const;
/** Width over height of the sheet that is aimed at. */
const SHEET_ASPECT = 1.5;
/** A tile shows the box three times as large, and a third of the picture at least: small objects stay visible, and in their place. */
const CONTEXT = 3;
const LEAST_SHARE = 1 / 3;
/** A tile that would show nearly all of the picture shows all of it. */
const NEARLY_ALL = 0.8;

/**
 * Explanations of one picture side by side, in rows: for each the picture, or the part of it around a small box, with heatmap and box, and
 * its caption. Past 64 tiles a last line says how many more there are.
 * @param options as of `renderOverlay`; labels are left out (the captions say it), and `sideBySide`.
 * @throws usage as `renderOverlay` does.
 */
export function renderContactSheet(
  image: RgbImage,
  tiles: readonly SheetTile[],
  options: Omit<OverlayOptions, "detections" | "labels" | "sideBySide"> = {},
): RgbImage {
  const shown = tiles.slice(0, MAX_TILES);
  const hidden = tiles.length - shown.length;
  const grid = planGrid(shown.length, image);
  const height = GAP + grid.rows * (grid.cellHeight + GAP) + (hidden > 0 ? CAPTION : 0);
  const width = GAP + grid.columns * (grid.cellWidth + GAP);
  const sheet: Canvas = { height, width, data: new Uint8Array(height * width * 3).fill(BACKGROUND) };
  const font = loadFont();
  const cache: GlyphCache = new Map();
  const write = (text: string, left: number, bottom: number, room: number): void =>
    drawText(sheet, font, fitText(font, text, FONT_SIZE, room), [left, bottom - 8], INK, cache);
  shown.forEach((tile, i) => {
    const left = GAP + (i % grid.columns) * (grid.cellWidth + GAP);
    const top = GAP + Math.floor(i / grid.columns) * (grid.cellHeight + GAP);
    paste(sheet, drawTile(image, tile, grid.tile, options), left, top);
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
  /** `[h, w]` of the picture in a cell. */
  readonly tile: readonly [height: number, width: number];
}

/** The number of columns whose sheet is nearest to the aspect aimed at, with few empty cells. */
function planGrid(count: number, image: RgbImage): Grid {
  const grids = Array.from({ length: Math.max(1, count) }, (_, i) => gridOf(i + 1, count, image));
  const cost = ({ columns, rows, cellWidth, cellHeight }: Grid): number => {
    const aspect = (columns * cellWidth) / (rows * cellHeight);
    return Math.abs(Math.log(aspect / SHEET_ASPECT)) + (columns * rows - count) / (columns * rows);
  };
  return grids.reduce((best, grid) => (cost(grid) < cost(best) ? grid : best));
}

function gridOf(columns: number, count: number, { height, width }: RgbImage): Grid {
  const side = Math.min(CELL.most, Math.max(CELL.least, Math.floor(SHEET_WIDTH / columns)));
  const scale = side / Math.max(height, width);
  const tile = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))] as const;
  const cellWidth = Math.max(tile[1], CELL.least);
  return { columns, rows: Math.ceil(count / columns), cellWidth, cellHeight: tile[0] + CAPTION, tile };
}

function drawTile(
  image: RgbImage,
  { heatmap, detections }: SheetTile,
  [height, width]: readonly [number, number],
  { crop, ...options }: OverlayOptions,
): RgbImage {
  const region = regionAround(detections, image);
  const isHot = heatmap.data.some((value) => value > 0);
  const source = crop !== undefined && isHot ? cropByHeatmap(image, heatmap, crop) : image;
  const size = [height, width] as const;
  const pixels = Uint8Array.from(resizeRegion(source, 3, region, size), (value) => Math.round(value));
  const heat = crop === undefined ? resizeRegion(heatmap, 1, region, size) : new Float32Array(height * width);
  return renderOverlay(
    { height, width, data: pixels },
    { height, width, data: heat },
    {
      ...options,
      detections: detections.map((one) => moved(one, region, size)),
      labels: false,
    },
  );
}

/** The part of the picture that a tile shows, of the picture's own aspect. */
function regionAround(detections: readonly DrawnDetection[], { height, width }: RgbImage): Region {
  const boxes = detections.map(({ boxImage }) => boxImage);
  const [x1, y1] = [Math.min(...boxes.map((box) => box.x1)), Math.min(...boxes.map((box) => box.y1))];
  const [x2, y2] = [Math.max(...boxes.map((box) => box.x2)), Math.max(...boxes.map((box) => box.y2))];
  const share = Math.max((CONTEXT * (x2 - x1)) / width, (CONTEXT * (y2 - y1)) / height, LEAST_SHARE);
  if (boxes.length === 0 || share > NEARLY_ALL) return { left: 0, top: 0, right: width, bottom: height };
  const [h, w] = [Math.max(1, Math.round(height * share)), Math.max(1, Math.round(width * share))];
  const left = Math.max(0, Math.min(width - w, Math.round((x1 + x2 - w) / 2)));
  const top = Math.max(0, Math.min(height - h, Math.round((y1 + y2 - h) / 2)));
  return { left, top, right: left + w, bottom: top + h };
}

/** A detection in the pixels of a tile that shows a region of the picture. */
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
