import type { Size } from "../../image/frame.js";
import { type Range, rangeOf, rescale } from "../../kernels/range.js";
import { resizeWithRange } from "../../kernels/resample.js";
import { ScaledMap } from "../../kernels/scaled-map.js";
import type { Map2D } from "../../tensor/tensor.js";

/** Keeps the divisions of an all-zero map finite; pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-7;

/** A map whose largest value may be known without looking. */
export interface FinishedMap extends Map2D {
  readonly maximum?: number | undefined;
}

/** A copy with negative values, and NaN, set to zero. */
export function relu({ height, width, data: signed }: Map2D): Map2D {
  const data = new Float32Array(signed.length);
  for (let i = 0; i < data.length; i++) if (signed[i]! > 0) data[i] = signed[i]!;
  return { height, width, data };
}

/** In place: least value to 0, largest to 1 (almost: the divisor carries 1e-7, so an all-zero or constant map becomes zeros). */
export function scaleToUnit(map: Map2D, { low, high }: Range = rangeOf(map.data)): ScaledMap {
  const span = Math.fround(high - low);
  const divisor = Math.fround(span + EPSILON);
  // Of an infinite span nothing remains but zeros and NaN.
  return new ScaledMap(map, [low, divisor, 1], Math.fround(span / divisor) || 0);
}

/**
 * One explanation from the raw signed maps of its layers, in the order of pytorch-grad-cam: each map ReLU, scaled to 0..1, resized
 * (bilinear) to the network's input; then the mean over layers, scaled again. With `fuse` each is scaled once more, and those that are not
 * zero are fused in place of the mean.
 * With `scaled` false nothing is scaled, so that the results of different detections can be compared.
 * @param into where the map of a single layer is made, of as many values as the input; default: a new array.
 */
export function finishLayers(
  maps: readonly Map2D[],
  inputSize: Size,
  scaled = true,
  fuse?: (maps: readonly Map2D[]) => Map2D,
  into?: Float32Array,
): FinishedMap {
  const [height, width] = inputSize;
  if (maps.length === 0) return { height, width, data: new Float32Array(height * width) };
  const resized = maps.map((map) => {
    const positive = relu(map);
    const source = scaled || fuse !== undefined ? scaleToUnit(positive) : positive;
    return resizeWithRange(source, height, width, undefined, maps.length === 1 ? into : undefined);
  });
  if (fuse === undefined) {
    // The mean of one map is the map, so its range is known.
    if (scaled && resized.length === 1) return scaleToUnit(resized[0]!.map, resized[0]!.range);
    const one = mean(resized.map(({ map }) => map));
    return scaled ? scaleToUnit(one) : one;
  }
  const full = resized.map(({ map, range }) => scaleToUnit(map, range));
  const lit = full.filter((map) => map.data.some((value) => value > 0));
  const one = lit.length === 0 ? mean(full) : fuse(lit);
  return scaled ? scaleToUnit(one) : one;
}

/**
 * The explanation of an image from its finished parts (one for each item and class): their sum over its maximum.
 * All zeros when every part is zero. The parts are used up.
 */
export function combine(parts: readonly FinishedMap[]): Map2D {
  return plain(overMaximum(mean(parts)));
}

/** The largest of the maps at each pixel. In place of the first. */
export function largest(maps: readonly FinishedMap[]): FinishedMap {
  const [first, ...others] = maps as readonly [FinishedMap, ...Map2D[]];
  if (others.length === 0) return first;
  const { height, width, data } = first;
  for (const { data: other } of others) {
    for (let i = 0; i < data.length; i++) {
      const value = other[i]!;
      if (value > data[i]!) data[i] = value;
    }
  }
  return { height, width, data };
}

/** Values over the largest of them, in place; zeros stay zeros. */
export function overMaximum(map: FinishedMap, high: number = maximumOf(map)): Map2D {
  if (high === 0 || high === 1) return map;
  if (map instanceof ScaledMap) map.divide(high);
  else rescale(map.data, 0, high, 1);
  return map;
}

/** What may leave the engine: the values are read. */
export function plain({ height, width, data }: Map2D): Map2D {
  return { height, width, data };
}

export function maximumOf(map: FinishedMap): number {
  return map.maximum ?? Math.max(0, rangeOf(map.data).high);
}

/**
 * Only the `percent` of pixels with the largest values, the others 0, in place: values at or below the (100 − percent)th percentile (linear
 * between order statistics, as NumPy's) go, as in the reference explainer.
 */
export function keepTop(map: Map2D, percent: number): Map2D {
  if (percent >= 100) return map;
  const { data } = map;
  const sorted = data.slice().sort();
  const place = ((100 - percent) / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  const share = place - below;
  const threshold = sorted[below]! + share * ((sorted[below + 1] ?? sorted[below]!) - sorted[below]!);
  for (let i = 0; i < data.length; i++) if (data[i]! <= threshold) data[i] = 0;
  return map;
}

/** In place of the first. */
export function mean(maps: readonly FinishedMap[]): FinishedMap {
  const [first, ...others] = maps as readonly [FinishedMap, ...Map2D[]];
  if (others.length === 0) return first;
  const { height, width, data } = first;
  for (let i = 0; i < data.length; i++) data[i]! /= maps.length;
  for (const { data: other } of others) for (let i = 0; i < data.length; i++) data[i]! += other[i]! / maps.length;
  return { height, width, data };
}
