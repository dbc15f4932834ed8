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

/** byte → byte / 255. */
const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

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
    mixRows(readRow(rows.lower[y]!), readRow(rows.upper[y]!), rows.fraction[y]!, data, y * width);
  }
  return { height, width, data };
}

/** Where a picture goes: three planes of `height × width` floats, one after the other, the picture's corner at `top`, `left`. */
export interface Planes {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
  readonly top: number;
  readonly left: number;
}

/**
 * Bilinear resize of RGB bytes to `[height, width]`, bit for bit as OpenCV's INTER_LINEAR on 8-bit pictures (weights of 11 bits,
 * the sum of the columns kept at full precision, then 4 + 16 + 2 bits dropped; an exact halving averages 2×2 pixels),
 * written into planes as byte / 255. Reads only the source rows it needs, so that shrinking a large photo is cheap.
 * @throws usage when a size is not a positive integer.
 */
export function resizeRgb(image: BytePixels, [height, width]: readonly [number, number], planes: Planes): void {
  checkSizes(image, height, width);
  if (height * 2 === image.height && width * 2 === image.width) {
    halveRgb(image, planes);
    return;
  }
  const columns = byteColumns(linearTaps(image.width, width));
  const rows = linearTaps(image.height, height);
  const readRow = rowCache(
    2,
    () => new Int32Array(width * 3),
    (y, into) => mixByteRow(image.data, y * image.width * 3, columns, into),
  );
  for (let y = 0; y < height; y++) {
    const above = readRow(rows.lower[y]!);
    const below = readRow(rows.upper[y]!);
    const weightAbove = fixedPoint(Math.fround(1 - rows.fraction[y]!));
    mixByteRows(above, weightAbove, below, fixedPoint(rows.fraction[y]!), planes, y);
  }
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

function mixRow(map: Map2D, y: number, taps: LinearTaps, into: Float32Array): void {
  const { data } = map;
  const { lower, upper, fraction } = taps;
  const start = y * map.width;
  for (let x = 0; x < into.length; x++) {
    const t = fraction[x]!;
    into[x] = (1 - t) * data[start + lower[x]!]! + t * data[start + upper[x]!]!;
  }
}

function mixRows(above: Float32Array, below: Float32Array, t: number, into: Float32Array, start: number): void {
  const s = 1 - t;
  for (let x = 0; x < above.length; x++) into[start + x] = s * above[x]! + t * below[x]!;
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

/** The three channels of each pixel side by side; `Math.imul` spares the engine its overflow checks. */
function mixByteRow(data: BytePixels["data"], start: number, columns: ByteColumns, into: Int32Array): void {
  const { lower, upper, weightLower, weightUpper } = columns;
  for (let x = 0, to = 0; x < lower.length; x++, to += 3) {
    const left = start + lower[x]!;
    const right = start + upper[x]!;
    const a = weightLower[x]!;
    const b = weightUpper[x]!;
    into[to] = (Math.imul(data[left]!, a) + Math.imul(data[right]!, b)) >> 4;
    into[to + 1] = (Math.imul(data[left + 1]!, a) + Math.imul(data[right + 1]!, b)) >> 4;
    into[to + 2] = (Math.imul(data[left + 2]!, a) + Math.imul(data[right + 2]!, b)) >> 4;
  }
}

function mixByteRows(above: Int32Array, a: number, below: Int32Array, b: number, planes: Planes, y: number): void {
  const { data } = planes;
  const [red, green, blue] = rowStarts(planes, y);
  for (let x = 0, i = 0; i < above.length; x++, i += 3) {
    data[red + x] = UNIT[((Math.imul(a, above[i]!) >> 16) + (Math.imul(b, below[i]!) >> 16) + 2) >> 2]!;
    data[green + x] = UNIT[((Math.imul(a, above[i + 1]!) >> 16) + (Math.imul(b, below[i + 1]!) >> 16) + 2) >> 2]!;
    data[blue + x] = UNIT[((Math.imul(a, above[i + 2]!) >> 16) + (Math.imul(b, below[i + 2]!) >> 16) + 2) >> 2]!;
  }
}

/** Where the picture's row `y` starts in each plane. */
function rowStarts(planes: Planes, y: number): [red: number, green: number, blue: number] {
  const start = (planes.top + y) * planes.width + planes.left;
  const plane = planes.height * planes.width;
  return [start, start + plane, start + 2 * plane];
}

function halveRgb(image: BytePixels, planes: Planes): void {
  const source = image.data;
  const rowLength = image.width * 3;
  for (let y = 0; 2 * y < image.height; y++) {
    const starts = rowStarts(planes, y);
    for (let x = 0, from = 2 * y * rowLength; 2 * x < image.width; x++, from += 6) {
      for (let c = 0; c < 3; c++) {
        const i = from + c;
        const sum = source[i]! + source[i + 3]! + source[i + rowLength]! + source[i + rowLength + 3]!;
        planes.data[starts[c]! + x] = UNIT[(sum + 2) >> 2]!;
      }
    }
  }
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
