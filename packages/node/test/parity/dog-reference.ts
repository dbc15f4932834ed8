import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { decodeImage, type RgbImage } from "whybox";

const root = resolve(import.meta.dirname, "../../../..");

/** See fixtures/make/cut-parity-cases.py. */
export interface ReferenceCase {
  readonly id: string;
  readonly layer: number;
  readonly classNames: readonly string[];
  readonly backprop: readonly string[];
  readonly backwardPerClass: boolean;
  readonly scores: readonly number[];
  /** Of `cam`'s whole, `[h, w]`. */
  readonly size: readonly [number, number];
  /** Every `step`-th row and column of the final heatmap, from `offset`. */
  readonly cam: readonly (readonly number[])[];
  /** Of cases with one pass: a weight for each channel, and the raw map. */
  readonly weights?: readonly number[];
  readonly map?: { readonly size: readonly [number, number]; readonly values: readonly number[] };
}

export interface DogReference {
  readonly detections: readonly {
    readonly xmin: number;
    readonly ymin: number;
    readonly xmax: number;
    readonly ymax: number;
    readonly confidence: number;
    readonly class: number;
    readonly name: string;
  }[];
  readonly step: number;
  readonly offset: number;
  readonly cases: readonly ReferenceCase[];
}

export function readParity<T>(name: string): T {
  return JSON.parse(readFileSync(resolve(root, "fixtures/parity", name), "utf8")) as T;
}

export function readDog(): Promise<RgbImage> {
  return decodeImage(resolve(root, "fixtures/photos/dog.jpg"));
}

/** Largest difference, relative to the largest expected value; infinite where one is no number or the lengths differ. */
export function apart(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let scale = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(found[i]! - expected[i]!);
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(expected[i]!));
    worst = Math.max(worst, difference);
  }
  return worst / scale;
}
