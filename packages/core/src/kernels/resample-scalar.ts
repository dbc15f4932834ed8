import type { Map2D } from "../tensor/tensor.js";
import { byteWeights, type LinearTaps, linearTaps, type PairTaps, pairTaps } from "./linear-taps.js";
import type { BytePixels, Planes } from "./rgb-planes.js";

// The scalar fallback of resample-simd.ts: for hosts without WebAssembly SIMD, and for images whose rows are too long for the kernels' memory.
// Tests check that both give the same bits.

/** byte → byte / 255. */
const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** `resizeBilinear` into an existing map. */
export function resizeFloatsScalar(map: Map2D, { height, width, data }: Map2D): void {
  const columns = pairTaps(map.width, width);
  const rows = linearTaps(map.height, height);
  const readRow = rowCache(
    2,
    () => new Float32Array(width),
    (y, into) => mixRow(map, y, columns, into),
  );
  for (let y = 0; y < height; y++) {
    mixRows(readRow(rows.lower[y]!), readRow(rows.upper[y]!), rows.fraction[y]!, data, y * width);
  }
}

/** `resizeRgb` without checks of the sizes. */
export function resizeRgbScalar(image: BytePixels, [height, width]: readonly [number, number], planes: Planes): void {
  const columns = byteColumns(linearTaps(image.width, width));
  const rows = linearTaps(image.height, height);
  const readRow = rowCache(
    2,
    () => new Int32Array(width * 3),
    (y, into) => mixByteRow(image.data, y * image.width * 3, columns, into),
  );
  for (let y = 0; y < height; y++) {
    const pair = { above: readRow(rows.lower[y]!), below: readRow(rows.upper[y]!), fraction: rows.fraction[y]! };
    mixByteRows(pair, planes, y);
  }
}

/** Caches the last mixed rows, because neighbouring output rows use the same source rows when enlarging. */
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

/** Mixes the columns of one row. Products of float32 are exact in float64, so rounding each step gives float32 arithmetic. */
function mixRow(map: Map2D, y: number, { left, weightLeft, weightRight }: PairTaps, into: Float32Array): void {
  const { data, width } = map;
  const start = y * width;
  for (let x = 0; x < into.length; x++) {
    const at = start + left[x]!;
    const right = width === 1 ? 0 : Math.fround(weightRight[x]! * data[at + 1]!);
    into[x] = Math.fround(weightLeft[x]! * data[at]!) + right;
  }
}

function mixRows(above: Float32Array, below: Float32Array, t: number, into: Float32Array, start: number): void {
  const s = Math.fround(1 - t);
  for (let x = 0; x < above.length; x++) {
    into[start + x] = Math.fround(s * above[x]!) + Math.fround(t * below[x]!);
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
    weightLower: Int32Array.from(taps.fraction, (t) => byteWeights(t)[0]),
    weightUpper: Int32Array.from(taps.fraction, (t) => byteWeights(t)[1]),
  };
}

/** Mixes the columns of one row of interleaved RGB. `Math.imul` avoids overflow checks. */
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

/** Two mixed source rows, and how far the target row is from the upper one, 0..1. */
interface RowPair {
  readonly above: Int32Array;
  readonly below: Int32Array;
  readonly fraction: number;
}

function mixByteRows({ above, below, fraction }: RowPair, planes: Planes, y: number): void {
  const { data } = planes;
  const [a, b] = byteWeights(fraction);
  const [red, green, blue] = rowStarts(planes, y);
  for (let x = 0, i = 0; i < above.length; x++, i += 3) {
    data[red + x] = UNIT[((Math.imul(a, above[i]!) >> 16) + (Math.imul(b, below[i]!) >> 16) + 2) >> 2]!;
    data[green + x] = UNIT[((Math.imul(a, above[i + 1]!) >> 16) + (Math.imul(b, below[i + 1]!) >> 16) + 2) >> 2]!;
    data[blue + x] = UNIT[((Math.imul(a, above[i + 2]!) >> 16) + (Math.imul(b, below[i + 2]!) >> 16) + 2) >> 2]!;
  }
}

/** Returns the index of the start of the image's row `y` in each plane. */
function rowStarts(planes: Planes, y: number): [red: number, green: number, blue: number] {
  const start = (planes.top + y) * planes.width + planes.left;
  const plane = planes.height * planes.width;
  return [start, start + plane, start + 2 * plane];
}
