import type { Map2D } from "../tensor/tensor.js";
import { byteWeights, type LinearTaps, linearTaps, type PairTaps, pairTaps } from "./linear-taps.js";
import type { Kernels } from "./memory.js";
import { FREE_AT, openRange, type Range, readRange } from "./range.js";
import type { BytePixels, Planes } from "./rgb-planes.js";
import type { ScaledMap } from "./scaling.js";

// Resizing with the kernels of kernels.wat. Their memory is small, so an image is processed in bands of target rows. The source rows of a band
// are copied in, and the finished rows are copied out.

/** Sizes of the entries in the kernels' tables of taps, in bytes. */
const BYTE_COLUMN = 8;
const FLOAT_COLUMN = 12;
const ROW = 16;

/** Size of one row of each of a kernel's tables and buffers, in bytes. */
interface RowBytes {
  readonly tap: number;
  readonly source: number;
  readonly mixed: number;
  readonly target: number;
}

/** A band in the kernels' memory. Offsets are in bytes. */
interface Band {
  /** Target rows, from `first` to `end` (exclusive). */
  readonly first: number;
  readonly end: number;
  readonly taps: number;
  readonly from: number;
  /** Number of source rows at `from`. */
  readonly rows: number;
  readonly mixed: number;
  readonly into: number;
  /** True if the source rows are one continuous range. False if they are the two source rows of each target row. */
  readonly whole: boolean;
}

/**
 * Scales and resizes a map like `resizeFloatsScalar`. Returns the range of the result. Returns undefined without writing anything when the rows have one
 * value or are too long for the kernels' memory.
 */
export function resizeFloats(found: Kernels, { values: map, scaling }: ScaledMap, target: Map2D): Range | undefined {
  const { floats, ints } = found;
  const { width } = target;
  if (map.width === 1) return undefined;
  const rowBytes = 4 * wholeVectors(width);
  const sizes = { tap: ROW, source: 4 * map.width, mixed: rowBytes, target: 4 * width };
  const rows = linearTaps(map.height, target.height);
  const table = (rowBytes / 4) * FLOAT_COLUMN;
  const bands = planBands(found, FREE_AT + table, rows, map.height / target.height, sizes);
  if (bands === undefined) return undefined;
  writeFloatColumns(found, pairTaps(map.width, width), rowBytes / 4);
  const range = openRange(found);
  for (const band of bands) {
    const tap = (y: number, above: number, below: number) => {
      const at = (band.taps + ROW * (y - band.first)) / 4;
      ints[at] = rowBytes * above;
      ints[at + 1] = rowBytes * below;
      floats[at + 2] = 1 - rows.fraction[y]!;
      floats[at + 3] = rows.fraction[y]!;
    };
    gather(band, rows, tap, (row, count, place) =>
      floats.set(map.data.subarray(row * map.width, (row + count) * map.width), band.from / 4 + place * map.width),
    );
    const count = band.end - band.first;
    if (scaling !== undefined) {
      const { low, divisor, maximum } = scaling;
      found.rescale(band.from, band.from + band.rows * sizes.source, low, divisor, maximum);
    }
    found.mixFloats(band.from, sizes.source, band.rows, FREE_AT, rowBytes, band.mixed);
    found.blendFloats(band.mixed, rowBytes, band.taps, count, band.into, sizes.target, range);
    target.data.set(floats.subarray(band.into / 4, band.into / 4 + count * width), band.first * width);
  }
  return readRange(found);
}

/** Resizes like `resizeRgbScalar`. Returns false without writing anything when the rows are too long for the kernels' memory. */
export function resizeBytes(
  found: Kernels,
  image: BytePixels,
  [height, width]: readonly [number, number],
  planes: Planes,
): boolean {
  const { bytes, ints } = found;
  const planeBytes = 4 * wholeVectors(width);
  const sizes = { tap: ROW, source: 3 * image.width, mixed: 3 * planeBytes, target: 3 * 4 * width };
  const rows = linearTaps(image.height, height);
  const table = (planeBytes / 4) * BYTE_COLUMN;
  const bands = planBands(found, FREE_AT + table, rows, image.height / height, sizes);
  if (bands === undefined) return false;
  writeByteColumns(found, linearTaps(image.width, width), planeBytes / 4);
  for (const band of bands) {
    const tap = (y: number, above: number, below: number) => {
      const at = (band.taps + ROW * (y - band.first)) / 4;
      ints[at] = sizes.mixed * above;
      ints[at + 1] = sizes.mixed * below;
      [ints[at + 2], ints[at + 3]] = byteWeights(rows.fraction[y]!);
    };
    gather(band, rows, tap, (row, count, place) =>
      bytes.set(
        image.data.subarray(row * sizes.source, (row + count) * sizes.source),
        band.from + place * sizes.source,
      ),
    );
    const count = band.end - band.first;
    const intoPlane = 4 * wholeVectors(count * width + 3);
    found.mixBytes(band.from, sizes.source, band.rows, FREE_AT, planeBytes, band.mixed);
    found.blendBytes(band.mixed, planeBytes, band.taps, count, band.into, 4 * width, intoPlane);
    for (let plane = 0; plane < 3; plane++) {
      copyOut(found, band, { from: (band.into + plane * intoPlane) / 4, width, planes, plane });
    }
  }
  return true;
}

/** Writes the table of columns. An entry has four columns: the offsets of their left values, then the weights of the first two and of the last two. */
function writeFloatColumns({ ints, floats }: Kernels, columns: PairTaps, entries: number): void {
  for (let x = 0; x < entries; x++) {
    const column = Math.min(x, columns.left.length - 1);
    const entry = (FREE_AT + 4 * FLOAT_COLUMN * (x >> 2)) / 4;
    ints[entry + (x & 3)] = 4 * columns.left[column]!;
    floats[entry + 4 + 2 * (x & 3)] = columns.weightLeft[column]!;
    floats[entry + 5 + 2 * (x & 3)] = columns.weightRight[column]!;
  }
}

/** Writes the table of columns. The kernel expects the right pixel directly after the left one. At the edges both are the same: the left one gets both weights. */
function writeByteColumns({ ints, shorts }: Kernels, columns: LinearTaps, entries: number): void {
  for (let x = 0; x < entries; x++) {
    const column = Math.min(x, columns.lower.length - 1);
    const lower = columns.lower[column]!;
    const same = lower === columns.upper[column]!;
    const [a, b] = byteWeights(columns.fraction[column]!);
    const at = FREE_AT + BYTE_COLUMN * x;
    ints[at / 4] = 3 * lower;
    shorts[at / 2 + 2] = same ? a + b : a;
    shorts[at / 2 + 3] = same ? 0 : b;
  }
}

/** One plane of a finished band: its first float in the kernels' memory, its width, and where it goes. */
interface FinishedPlane {
  readonly from: number;
  readonly width: number;
  readonly planes: Planes;
  readonly plane: number;
}

function copyOut({ floats }: Kernels, band: Band, { from, width, planes, plane }: FinishedPlane): void {
  const rows = band.end - band.first;
  const start = (plane * planes.height + planes.top + band.first) * planes.width + planes.left;
  if (width === planes.width) {
    planes.data.set(floats.subarray(from, from + rows * width), start);
    return;
  }
  for (let y = 0; y < rows; y++) {
    planes.data.set(floats.subarray(from + y * width, from + (y + 1) * width), start + y * planes.width);
  }
}

/** Copies the source rows of a band into the kernels' memory. Calls `tap` with the positions of the rows above and below each target row. */
function gather(
  { first, end, whole }: Band,
  rows: LinearTaps,
  tap: (y: number, above: number, below: number) => void,
  copy: (row: number, count: number, place: number) => void,
): void {
  const top = rows.lower[first]!;
  if (whole) copy(top, rows.upper[end - 1]! - top + 1, 0);
  for (let y = first; y < end; y++) {
    const lower = rows.lower[y]!;
    const upper = rows.upper[y]!;
    const place = 2 * (y - first);
    if (!whole) {
      copy(lower, 1, place);
      copy(upper, 1, place + 1);
    }
    tap(y, whole ? lower - top : place, whole ? upper - top : place + 1);
  }
}

/** Divides the target rows into bands that fit into the memory from `start`. Returns undefined when not even one row fits. */
function planBands(
  { bytes }: Kernels,
  start: number,
  rows: LinearTaps,
  ratio: number,
  sizes: RowBytes,
): Band[] | undefined {
  const total = rows.lower.length;
  // Each part begins at a whole vector. The kernels may read and write a few bytes beyond its end.
  const room = bytes.length - start - 256;
  const perRow = sizes.tap + sizes.target;
  const perSource = sizes.source + sizes.mixed;
  // n target rows read at most 2n source rows, within a range of n·ratio + 3 rows.
  const apart = room / (perRow + 2 * perSource);
  const together = (room - 3 * perSource) / (perRow + ratio * perSource);
  const height = Math.floor(Math.max(apart, together));
  if (height < 1) return undefined;
  return Array.from({ length: Math.ceil(total / height) }, (_, band) => {
    const first = band * height;
    const end = Math.min(total, first + height);
    const span = rows.upper[end - 1]! - rows.lower[first]! + 1;
    const read = Math.min(span, 2 * (end - first));
    const taps = start;
    const from = vectorAfter(taps + (end - first) * sizes.tap);
    const mixed = vectorAfter(from + read * sizes.source + 8);
    const into = vectorAfter(mixed + read * sizes.mixed);
    return { first, end, taps, from, rows: read, mixed, into, whole: read === span };
  });
}

function wholeVectors(values: number): number {
  return Math.ceil(values / 4) * 4;
}

function vectorAfter(place: number): number {
  return Math.ceil(place / 16) * 16;
}
