import { type Range, rangeOf, rescale } from "../../kernels/range.js";
import type { ScaledMap } from "../../kernels/scaling.js";
import type { Map2D } from "../../tensor/tensor.js";

/** Keeps the divisions of an all-zero map finite; pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-7;

/**
 * A map on its way to the result: values, how they are still to be scaled, and their largest value after that where it is known. The values belong to
 * this map alone: `applied`, `mean`, `largest` and `keepTop` write into them, and the map that was given must not be read afterwards.
 */
export interface FinishedMap extends ScaledMap {
  readonly maximum?: number | undefined;
}

/** The map with its scaling applied, in place. */
export function applied({ values, scaling }: FinishedMap): Map2D {
  if (scaling !== undefined) rescale(values.data, scaling);
  return values;
}

/** Scaled so that the smallest value is 0 and the largest almost 1: the divisor carries 1e-7, so a constant map becomes zeros. */
export function scaledToUnit(values: Map2D, { low, high }: Range = rangeOf(values.data)): FinishedMap {
  const span = Math.fround(high - low);
  const divisor = Math.fround(span + EPSILON);
  // Of an infinite span nothing remains but zeros and NaN.
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

/** Divided by `high`; zeros stay zeros. */
export function dividedBy(map: FinishedMap, high: number): FinishedMap {
  if (high === 0 || high === 1) return map;
  // A scaling has room for one more division.
  if (map.scaling?.maximum === 1) return { values: map.values, scaling: { ...map.scaling, maximum: high } };
  return { values: applied(map), scaling: { low: 0, divisor: high, maximum: 1 } };
}

/** In place of the first; a single map stays as it is. */
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

/** The largest of the maps at each pixel, in place of the first; a single map stays as it is. */
export function largest(maps: readonly FinishedMap[]): FinishedMap {
  const [first, ...others] = maps as readonly [FinishedMap, ...FinishedMap[]];
  if (others.length === 0) return first;
  const values = applied(first);
  const { data } = values;
  for (const map of others) {
    const { data: other } = applied(map);
    for (let i = 0; i < data.length; i++) {
      const value = other[i]!;
      if (value > data[i]!) data[i] = value;
    }
  }
  return { values };
}

/**
 * Only the `percent` of pixels with the largest values, the others 0, in place: values at or below the (100 − percent)th percentile (linear
 * between order statistics, as NumPy's) go, as in the reference explainer.
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
