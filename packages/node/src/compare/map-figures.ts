import { imageGrid } from "../runs/schema.js";

/** How two maps of the same image differ. */
export interface MapFigures {
  /** Spearman's rank correlation of the cells: 1 for the same order, 0 for unrelated maps. */
  readonly correlation: number;
  /** Share of the hottest tenth of the cells that the maps have in common: 1 for the same cells, 0.1 by chance. */
  readonly overlap: number;
  /** Distance between the centres of the heat, as a share of the image's diagonal. */
  readonly shift: number;
}

/** Share of the cells that counts as the hottest. */
export const HOTTEST = 0.1;

/**
 * Compares two small maps of a whole image.
 * @param a `imageGrid`² bytes. @param b the same.
 */
export function mapFigures(a: Uint8Array, b: Uint8Array, size: readonly [height: number, width: number]): MapFigures {
  return { correlation: rankCorrelation(a, b), overlap: hottestOverlap(a, b), shift: centreShift(a, b, size) };
}

/** Spearman's rank correlation of two lists of bytes. Equal values share their mean rank. A list of equal values has no order: 1 if both are equal, else 0. */
export function rankCorrelation(a: Uint8Array, b: Uint8Array): number {
  const [ranksA, ranksB] = [meanRanks(a), meanRanks(b)];
  const mean = (a.length - 1) / 2;
  let [aa, bb, ab] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [ranksA[a[i]!]! - mean, ranksB[b[i]!]! - mean];
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  if (aa === 0 || bb === 0) return a.every((value, i) => value === b[i]) ? 1 : 0;
  return ab / Math.sqrt(aa * bb);
}

/** The mean rank of each of the 256 values, from 0. */
function meanRanks(values: Uint8Array): Float64Array {
  let below = 0;
  return Float64Array.from(counts(values), (count) => {
    below += count;
    return below - count + (count - 1) / 2;
  });
}

function counts(values: Uint8Array): Uint32Array {
  const found = new Uint32Array(256);
  for (const value of values) found[value]!++;
  return found;
}

/** The common share of the hottest cells. Cells without heat are never hot. Maps without heat have everything in common. */
export function hottestOverlap(a: Uint8Array, b: Uint8Array): number {
  const [hotA, hotB] = [hotness(a), hotness(b)];
  let [common, sumA, sumB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [hotA[a[i]!]!, hotB[b[i]!]!];
    common += Math.min(x, y);
    sumA += x;
    sumB += y;
  }
  const larger = Math.max(sumA, sumB);
  return larger === 0 ? 1 : common / larger;
}

/** For each value: the share of its cells that are among the hottest. Cells with the value of the last place share what is left. */
function hotness(values: Uint8Array): Float64Array {
  const shares = new Float64Array(256);
  let left = Math.round(HOTTEST * values.length);
  for (const [value, count] of [...counts(values).entries()].reverse()) {
    if (value === 0 || left === 0) break;
    const taken = Math.min(left, count);
    shares[value] = count === 0 ? 0 : taken / count;
    left -= taken;
  }
  return shares;
}

/** 0 if neither map has heat, 1 if only one has. */
function centreShift(a: Uint8Array, b: Uint8Array, [height, width]: readonly [number, number]): number {
  const [from, to] = [centre(a), centre(b)];
  if (from === undefined || to === undefined) return from === to ? 0 : 1;
  const cells = [(to[0] - from[0]) / imageGrid, (to[1] - from[1]) / imageGrid] as const;
  return Math.hypot(cells[0] * width, cells[1] * height) / Math.hypot(width, height);
}

function centre(map: Uint8Array): readonly [x: number, y: number] | undefined {
  let [sum, x, y] = [0, 0, 0];
  for (const [i, value] of map.entries()) {
    sum += value;
    x += value * (i % imageGrid);
    y += value * Math.floor(i / imageGrid);
  }
  return sum === 0 ? undefined : [x / sum, y / sum];
}
