import type { Box, Letterbox, Size } from "../../image/frame.js";
import { type Mask, MaskWriter } from "../../image/mask.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * The mask of one detection in image pixels, as Ultralytics computes it with `retina_masks` (`process_mask_native`):
 * 1. Compute coefficients · prototypes.
 * 2. Resize bilinearly by the smallest power of two (1, 2, 4) at which the padding ends on a cell border.
 * 3. Remove the padding and resize to the image.
 * 4. Keep values above 0 (a probability above 1/2) inside the box.
 *
 * Both resizes run in one pass. A mask may be empty.
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

/** The range of pixels from `low` (inclusive) to `high` (exclusive), clipped to [0, max]. */
function pixelsIn(low: number, high: number, max: number): readonly [start: number, end: number] {
  const start = Math.min(Math.max(Math.ceil(low), 0), max);
  return [start, Math.max(start, Math.min(Math.ceil(high), max))];
}

/** The smallest power of two that enlarges the prototypes so that the padding ends on a cell border. At input size it always does. */
function finestGrid({ inputSize, contentSize, padTop, padLeft }: Letterbox, [h, w]: Size): number {
  const [sy, sx] = [h / inputSize[0], w / inputSize[1]];
  const edges = [padTop * sy, contentSize[0] * sy, padLeft * sx, contentSize[1] * sx];
  const max = inputSize[0] / h;
  for (let factor = 1; factor < max; factor *= 2) {
    if (edges.every((edge) => Number.isInteger(edge * factor))) return factor;
  }
  return Math.max(1, Math.round(max));
}

/** First cell of the content on the enlarged grid, and the number of cells. */
function axisOf(
  { inputSize, contentSize, padTop, padLeft }: Letterbox,
  axis: 0 | 1,
  cells: number,
  factor: number,
): readonly [first: number, count: number] {
  const scale = (cells * factor) / inputSize[axis];
  return [Math.round((axis === 0 ? padTop : padLeft) * scale), Math.max(1, Math.round(contentSize[axis] * scale))];
}

/** The prototype cells and weights that the pixels along one axis are interpolated from. */
interface AxisTaps {
  readonly start: number;
  readonly end: number;
  /** Range of cells that the pixels read, `[first, end)`. */
  readonly range: readonly [first: number, end: number];
  /** Four cells for each pixel, relative to the first cell of `range`. */
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
  const lowest = places.reduce((low, place) => Math.min(low, place), cells);
  const highest = places.reduce((high, place) => Math.max(high, place), -1);
  const range = end > start ? ([lowest, highest + 1] as const) : ([0, 0] as const);
  return { start, end, range, places: places.map((place) => place - range[0]), weights };
}

/** The two of `from` cells around cell `index` of `to`, with their weights. Cell centres are at one half (PyTorch's `align_corners=False`). */
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
