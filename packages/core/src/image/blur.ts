import type { PlanePart, Size } from "./frame.js";

/** The kernel ends at this number of standard deviations. */
const REACH = 4;

/**
 * Blurs a part of planar RGB `[3, H, W]` with a Gaussian of standard deviation `sigma`, in pixels. The edges of the part are mirrored, including the edge
 * pixel, so the rest of the planes has no influence and stays as it is. Returns new planes.
 */
export function blurPart(planes: Float32Array, [height, width]: Size, part: PlanePart, sigma: number): Float32Array {
  const blurred = planes.slice();
  const { top, left, height: rows, width: columns } = part;
  const weights = gaussian(sigma);
  for (let plane = 0; plane < 3; plane++) {
    const start = (plane * height + top) * width + left;
    for (let y = 0; y < rows; y++) blurLine(blurred, { start: start + y * width, step: 1, count: columns }, weights);
    for (let x = 0; x < columns; x++) blurLine(blurred, { start: start + x, step: width, count: rows }, weights);
  }
  return blurred;
}

/** Half of the kernel, from its middle outwards. The whole kernel has the sum 1. */
function gaussian(sigma: number): Float64Array {
  const half = Float64Array.from({ length: Math.round(REACH * sigma) + 1 }, (_, i) =>
    Math.exp(-0.5 * (i / sigma) ** 2),
  );
  const sum = half.reduce((total, weight) => total + 2 * weight, -half[0]!);
  return half.map((weight) => weight / sum);
}

/** Pixels of a plane in a row or a column. */
interface Line {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

function blurLine(plane: Float32Array, { start, step, count }: Line, half: Float64Array): void {
  const reach = half.length - 1;
  // The line with its mirrored ends.
  const line = new Float32Array(count + 2 * reach);
  for (let i = 0; i < line.length; i++) line[i] = plane[start + mirrored(i - reach, count) * step]!;
  for (let i = 0; i < count; i++) {
    const middle = i + reach;
    let sum = half[0]! * line[middle]!;
    for (let k = 1; k <= reach; k++) sum += half[k]! * (line[middle - k]! + line[middle + k]!);
    plane[start + i * step] = sum;
  }
}

function mirrored(i: number, count: number): number {
  const period = 2 * count;
  const place = ((i % period) + period) % period;
  return place < count ? place : period - 1 - place;
}
