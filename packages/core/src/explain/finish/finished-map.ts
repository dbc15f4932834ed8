import { raise } from "../../image/joint-map.js";
import { type Range, rangeOf, rescale } from "../../kernels/range.js";
import type { ScaledMap } from "../../kernels/scaling.js";
import type { Map2D } from "../../tensor/tensor.js";

/** Keeps the division finite for a map of zeros. The same constant as in pytorch-grad-cam, for equal results. */
const EPSILON = 1e-7;

/**
 * A map with values, a scaling that is not applied yet, and the largest value after scaling, if it is known. The values are not shared:
 * `applied`, `mean`, `largest` and `keepTop` overwrite them. Do not read a map after it was passed to one of these functions.
 */
export interface FinishedMap extends ScaledMap {
  readonly maximum?: number | undefined;
}

/** The map with its scaling applied, in place. */
export function applied({ values, scaling }: FinishedMap): Map2D {
  if (scaling !== undefined) rescale(values.data, scaling);
  return values;
}

/** Scales a map so that its smallest value is 0 and its largest almost 1. The divisor includes 1e-7, so a constant map becomes zeros. */
export function scaledToUnit(values: Map2D, { low, high }: Range = rangeOf(values.data)): FinishedMap {
  const span = Math.fround(high - low);
  const divisor = Math.fround(span + EPSILON);
  // An infinite span leaves only zeros and NaN.
  return { values, scaling: { low, divisor, maximum: 1 }, maximum: Math.fround(span / divisor) || 0 };
}

/** The largest value after scaling, at least 0. */
export function maximumOf({ values, scaling, maximum }: FinishedMap): number {
  if (maximum !== undefined) return maximum;
  const { high } = rangeOf(values.data);
  if (scaling === undefined) return Math.max(0, high);
  const one = Float32Array.of(high);
  rescale(one, scaling);
  return Math.max(0, one[0]! || 0);
}

/** The map divided by `high`. A map with the maximum 0 stays as it is. */
export function dividedBy(map: FinishedMap, high: number): FinishedMap {
  if (high === 0 || high === 1) return map;
  // The scaling can include one more division.
  if (map.scaling?.maximum === 1) return { values: map.values, scaling: { ...map.scaling, maximum: high } };
  return { values: applied(map), scaling: { low: 0, divisor: high, maximum: 1 } };
}

/** The mean of the maps, written into the first. A single map stays as it is. */
export function mean(maps: readonly FinishedMap[]): FinishedMap {
  const [first, ...others] = maps as readonly [FinishedMap, ...FinishedMap[]];
  if (others.length === 0) return first;
  const values = applied(first);
  const { data } = values;
  for (let i = 0; i < data.length; i++) data[i]! /= maps.length;
  for (const map of others) {
    const { data: other } = applied(map);
    for (let i = 0; i < data.length; i++) data[i]! += other[i]! / maps.length;
  }
  return { values };
}

/** The maximum of the maps at each pixel, written into the first. A single map stays as it is. */
export function largest(maps: readonly FinishedMap[]): FinishedMap {
  const [first, ...others] = maps as readonly [FinishedMap, ...FinishedMap[]];
  if (others.length === 0) return first;
  const values = applied(first);
  for (const map of others) raise(values.data, applied(map).data);
  return { values };
}

/**
 * Keeps only the `percent` of pixels with the largest values, in place. As in the reference explainer, values at or below the
 * (100 − percent)th percentile become 0. The percentile is linear between order statistics, as in NumPy.
 */
export function keepTop(map: FinishedMap, percent: number): FinishedMap {
  if (percent >= 100) return map;
  const values = applied(map);
  const { data } = values;
  const sorted = data.slice().sort();
  const place = ((100 - percent) / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  const share = place - below;
  const threshold = sorted[below]! + share * ((sorted[below + 1] ?? sorted[below]!) - sorted[below]!);
  for (let i = 0; i < data.length; i++) if (data[i]! <= threshold) data[i] = 0;
  return { values };
}
