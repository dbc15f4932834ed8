import type { Box, Letterbox, Size } from "../../image/frame.js";
import { type Mask, MaskWriter } from "../../image/mask.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * The mask of one detection in pixels of the picture, as Ultralytics draws it with `retina_masks` (`process_mask_native`): coefficients ·
 * prototypes, resized bilinearly to the finest of 1, 2 and 4 times their size at which the padding ends between cells, the padding cut off,
 * resized to the picture, above 0 (a probability above 1/2), cut to the box. Both resizings are one pass here. A mask may be empty.
 * @param coefficients E values.
 * @param prototypes `[E, h, w]`.
 */
export function instanceMask(
  coefficients: ArrayLike<number>,
  prototypes: Tensor,
  box: Box<"image">,
  letterbox: Letterbox,
): Mask {
  const [height, width] = letterbox.imageSize;
  const [, h, w] = prototypes.dims as [number, number, number];
  const factor = finestGrid(letterbox, [h, w]);
  const rows = axisTaps(pixelsIn(box.y1, box.y2, height), height, axisOf(letterbox, 0, h, factor), h, factor);
  const columns = axisTaps(pixelsIn(box.x1, box.x2, width), width, axisOf(letterbox, 1, w, factor), w, factor);
  const logits = logitsIn(coefficients, prototypes, rows.range, columns.range);
  const writer = new MaskWriter();
  writer.add(false, columns.start * height);
  const stride = columns.range[1] - columns.range[0];
  const column = new Float64Array(rows.range[1] - rows.range[0]);
  const { places, weights } = rows;
  for (let x = columns.start; x < columns.end; x++) {
    column.fill(0);
    for (let tap = 4 * (x - columns.start), last = tap + 4; tap < last; tap++) {
      const [from, weight] = [columns.places[tap]!, columns.weights[tap]!];
      for (let i = 0; i < column.length; i++) column[i]! += weight * logits[i * stride + from]!;
    }
    writer.add(false, rows.start);
    for (let y = rows.start, tap = 0; y < rows.end; y++, tap += 4) {
      const logit =
        weights[tap]! * column[places[tap]!]! +
        weights[tap + 1]! * column[places[tap + 1]!]! +
        weights[tap + 2]! * column[places[tap + 2]!]! +
        weights[tap + 3]! * column[places[tap + 3]!]!;
      writer.add(logit > 0);
    }
    writer.add(false, height - rows.end);
  }
  writer.add(false, (width - columns.end) * height);
  return writer.finish(letterbox.imageSize);
}

/** Whole pixels at or behind `low` and before `high`. */
function pixelsIn(low: number, high: number, most: number): readonly [start: number, end: number] {
  const start = Math.min(Math.max(Math.ceil(low), 0), most);
  return [start, Math.max(start, Math.min(Math.ceil(high), most))];
}

/** The smallest power of two by which the prototypes grow until the padding ends between their cells; at the input's own size it always does. */
function finestGrid({ inputSize, contentSize, padTop, padLeft }: Letterbox, [h, w]: Size): number {
  const [sy, sx] = [h / inputSize[0], w / inputSize[1]];
  const edges = [padTop * sy, contentSize[0] * sy, padLeft * sx, contentSize[1] * sx];
  const most = inputSize[0] / h;
  for (let factor = 1; factor < most; factor *= 2) {
    if (edges.every((edge) => Number.isInteger(edge * factor))) return factor;
  }
  return Math.max(1, Math.round(most));
}

/** First cell of the content on the grown grid, and how many there are. */
function axisOf(
  { inputSize, contentSize, padTop, padLeft }: Letterbox,
  axis: 0 | 1,
  cells: number,
  factor: number,
): readonly [first: number, count: number] {
  const scale = (cells * factor) / inputSize[axis];
  return [Math.round((axis === 0 ? padTop : padLeft) * scale), Math.max(1, Math.round(contentSize[axis] * scale))];
}

/** Which prototype cells the pixels are mixed from, along one axis. */
interface AxisTaps {
  readonly start: number;
  readonly end: number;
  /** Cells that any pixel reads, `[first, one past the last)`. */
  readonly range: readonly [first: number, end: number];
  /** Four for each pixel, counted from the first of `range`. */
  readonly places: Int32Array;
  readonly weights: Float64Array;
}

function axisTaps(
  [start, end]: readonly [number, number],
  pixels: number,
  [first, count]: readonly [number, number],
  cells: number,
  factor: number,
): AxisTaps {
  const places = new Int32Array(4 * (end - start));
  const weights = new Float64Array(places.length);
  for (let pixel = start, at = 0; pixel < end; pixel++) {
    for (const [grown, outer] of bilinear(pixel, count, pixels)) {
      for (const [cell, inner] of bilinear(first + grown, cells, cells * factor)) {
        places[at] = cell;
        weights[at++] = outer * inner;
      }
    }
  }
  const least = places.reduce((low, place) => Math.min(low, place), cells);
  const most = places.reduce((high, place) => Math.max(high, place), -1);
  const range = end > start ? ([least, most + 1] as const) : ([0, 0] as const);
  return { start, end, range, places: places.map((place) => place - range[0]), weights };
}

/** The two cells of `from` that cell `index` of `to` lies between, pixel centres at one half (PyTorch's `align_corners=False`). */
function bilinear(index: number, from: number, to: number): readonly (readonly [cell: number, weight: number])[] {
  const place = Math.max(((index + 0.5) * from) / to - 0.5, 0);
  const low = Math.min(Math.floor(place), from - 1);
  const share = place - low;
  return [
    [low, 1 - share],
    [Math.min(low + 1, from - 1), share],
  ];
}

function logitsIn(
  coefficients: ArrayLike<number>,
  { dims, data }: Tensor,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): Float64Array {
  const [E, h, w] = dims as [number, number, number];
  const logits = new Float64Array((bottom - top) * (right - left));
  for (let e = 0; e < E; e++) {
    const coefficient = coefficients[e]!;
    for (let y = top, at = 0; y < bottom; y++) {
      const row = (e * h + y) * w;
      for (let x = left; x < right; x++, at++) logits[at]! += coefficient * data[row + x]!;
    }
  }
  return logits;
}
