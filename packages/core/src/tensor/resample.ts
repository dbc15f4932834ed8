import { WhyboxError } from "../errors.js";
import type { Map2D } from "./tensor.js";

/** Where each output position of one axis reads: `(1 - fraction) * source[lower] + fraction * source[upper]`. */
export interface LinearTaps {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  /** 0..1, rounded to float32 as OpenCV does. */
  readonly fraction: Float32Array;
}

/** 8-bit pixels of three interleaved channels; an `RgbImage` is one. */
export interface BytePixels {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** OpenCV's fixed point for bytes: weights of 11 bits. */
const WEIGHT_ONE = 2048;

/**
 * The taps of OpenCV's INTER_LINEAR for one axis: pixel centres at half-integers, `x = (d + 0.5) * source / target - 0.5`,
 * no smoothing when shrinking, edges repeated. Both resamplers below read with these.
 */
export function linearTaps(source: number, target: number): LinearTaps {
  const scale = 1 / (target / source);
  const lower = new Int32Array(target);
  const upper = new Int32Array(target);
  const fraction = new Float32Array(target);
  for (let d = 0; d < target; d++) {
    const x = Math.fround((d + 0.5) * scale - 0.5);
    const floor = Math.floor(x);
    lower[d] = clamp(floor, source - 1);
    upper[d] = clamp(floor + 1, source - 1);
    fraction[d] = x - floor;
  }
  return { lower, upper, fraction };
}

/**
 * Bilinear resize of a map, as OpenCV's INTER_LINEAR on float32.
 * @returns a new map, also when the size stays.
 * @throws usage when a size is not a positive integer.
 */
export function resizeBilinear(map: Map2D, height: number, width: number): Map2D {
  checkSizes(map, height, width);
  const data = new Float32Array(height * width);
  const columns = linearTaps(map.width, width);
  const rows = linearTaps(map.height, height);
  const readRow = rowCache(
    2,
    () => new Float32Array(width),
    (y, into) => mixRow(map, y, columns, into),
  );
  for (let y = 0; y < height; y++) {
    const above = readRow(rows.lower[y]!);
    const below = readRow(rows.upper[y]!);
    const t = rows.fraction[y]!;
    const start = y * width;
    for (let x = 0; x < width; x++) data[start + x] = (1 - t) * above[x]! + t * below[x]!;
  }
  return { height, width, data };
}

/**
 * Bilinear resize of RGB bytes, bit for bit as OpenCV's INTER_LINEAR on 8-bit pictures: weights of 11 bits, the sum of
 * the columns kept at full precision, then 4 + 16 + 2 bits dropped; an exact halving averages 2×2 pixels.
 * Reads only the source rows it needs, so that shrinking a large photo is cheap.
 * @throws usage when a size is not a positive integer.
 */
export function resizeRgb(
  image: BytePixels,
  [height, width]: readonly [number, number],
): BytePixels & { data: Uint8Array } {
  checkSizes(image, height, width);
  if (height === image.height && width === image.width) return { height, width, data: Uint8Array.from(image.data) };
  if (height * 2 === image.height && width * 2 === image.width) return halveRgb(image, height, width);
  const data = new Uint8Array(height * width * 3);
  const columns = byteColumns(linearTaps(image.width, width));
  const rows = linearTaps(image.height, height);
  const readRow = rowCache(
    2,
    () => new Int32Array(width * 3),
    (y, into) => mixByteRow(image, y, columns, into),
  );
  for (let y = 0; y < height; y++) {
    const above = readRow(rows.lower[y]!);
    const below = readRow(rows.upper[y]!);
    const weightAbove = fixedPoint(Math.fround(1 - rows.fraction[y]!));
    const weightBelow = fixedPoint(rows.fraction[y]!);
    mixByteRows(above, weightAbove, below, weightBelow, data.subarray(y * width * 3, (y + 1) * width * 3));
  }
  return { height, width, data };
}

function mixRow(map: Map2D, y: number, taps: LinearTaps, into: Float32Array): void {
  const start = y * map.width;
  for (let x = 0; x < into.length; x++) {
    const t = taps.fraction[x]!;
    into[x] = (1 - t) * map.data[start + taps.lower[x]!]! + t * map.data[start + taps.upper[x]!]!;
  }
}

interface ByteColumns {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly weightLower: Int32Array;
  readonly weightUpper: Int32Array;
}

function byteColumns(taps: LinearTaps): ByteColumns {
  return {
    lower: taps.lower.map((index) => index * 3),
    upper: taps.upper.map((index) => index * 3),
    weightLower: Int32Array.from(taps.fraction, (t) => fixedPoint(Math.fround(1 - t))),
    weightUpper: Int32Array.from(taps.fraction, fixedPoint),
  };
}

function mixByteRow(image: BytePixels, y: number, columns: ByteColumns, into: Int32Array): void {
  const { data } = image;
  const start = y * image.width * 3;
  for (let x = 0, to = 0; x < columns.lower.length; x++) {
    const left = start + columns.lower[x]!;
    const right = start + columns.upper[x]!;
    const a = columns.weightLower[x]!;
    const b = columns.weightUpper[x]!;
    into[to++] = data[left]! * a + data[right]! * b;
    into[to++] = data[left + 1]! * a + data[right + 1]! * b;
    into[to++] = data[left + 2]! * a + data[right + 2]! * b;
  }
}

function mixByteRows(above: Int32Array, a: number, below: Int32Array, b: number, into: Uint8Array): void {
  for (let i = 0; i < into.length; i++) {
    into[i] = (((a * (above[i]! >> 4)) >> 16) + ((b * (below[i]! >> 4)) >> 16) + 2) >> 2;
  }
}

function halveRgb(image: BytePixels, height: number, width: number): BytePixels & { data: Uint8Array } {
  const source = image.data;
  const rowLength = image.width * 3;
  const data = new Uint8Array(height * width * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = 2 * y * rowLength; x < width; x++, from += 6) {
      for (let c = from; c < from + 3; c++) {
        const sum = source[c]! + source[c + 3]! + source[c + rowLength]! + source[c + rowLength + 3]!;
        data[to++] = (sum + 2) >> 2;
      }
    }
  }
  return { height, width, data };
}

/** Keeps the rows mixed last, since neighbouring output rows read the same ones when enlarging. */
function rowCache<Row>(size: number, create: () => Row, fill: (y: number, into: Row) => void): (y: number) => Row {
  const slots = Array.from({ length: size }, () => ({ y: -1, row: create() }));
  let next = 0;
  return (y) => {
    const held = slots.find((slot) => slot.y === y);
    if (held !== undefined) {
      next = (slots.indexOf(held) + 1) % size;
      return held.row;
    }
    const slot = slots[next]!;
    next = (next + 1) % size;
    slot.y = y;
    fill(y, slot.row);
    return slot.row;
  };
}

/** A weight 0..1 in 11 bits, ties to even. */
function fixedPoint(weight: number): number {
  const scaled = weight * WEIGHT_ONE;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  if (rest === 0.5) return floor + (floor % 2);
  return rest > 0.5 ? floor + 1 : floor;
}

function clamp(index: number, last: number): number {
  return Math.min(Math.max(index, 0), last);
}

function checkSizes(source: { readonly height: number; readonly width: number }, height: number, width: number): void {
  for (const size of [source.height, source.width, height, width]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new WhyboxError(
        "usage",
        `Cannot resize [${source.height}, ${source.width}] to [${height}, ${width}]: sizes [h, w] must be whole numbers of 1 or more.`,
      );
    }
  }
}
