import type { Size } from "../../image/frame.js";
import { resizeWithRange } from "../../kernels/resample.js";
import type { Map2D } from "../../tensor/tensor.js";
import { applied, dividedBy, type FinishedMap, maximumOf, mean, scaledToUnit } from "./finished-map.js";

/** A copy with negative values and NaN set to zero. */
export function relu({ height, width, data: signed }: Map2D): Map2D {
  const data = new Float32Array(signed.length);
  for (let i = 0; i < data.length; i++) if (signed[i]! > 0) data[i] = signed[i]!;
  return { height, width, data };
}

export interface FinishOptions {
  /** `[h, w]` of the result. */
  readonly size: Size;
  /** If false, maps are not scaled, so that the maps of different detections can be compared. Default true. */
  readonly isScaled?: boolean;
  /** Combines the maps of several layers into one, instead of their mean. */
  readonly fuse?: ((maps: readonly Map2D[]) => Map2D) | undefined;
  /** Buffer for the map of a single layer, `h · w` values. Default: a new array. */
  readonly into?: Float32Array | undefined;
}

/**
 * Combines the raw signed maps of the layers into one map, in the order of pytorch-grad-cam. Each map: ReLU, scale to 0..1, resize (bilinear)
 * to the size of the result. Then the mean over layers, which is scaled again. With `fuse`, each resized map is scaled again, and the maps that
 * are not zero are fused instead.
 */
export function finishLayers(maps: readonly Map2D[], options: FinishOptions): FinishedMap {
  const { size, isScaled = true, fuse, into } = options;
  const [height, width] = size;
  if (maps.length === 0) return { values: { height, width, data: new Float32Array(height * width) } };
  const resized = maps.map((map) => {
    const positive = relu(map);
    const values = isScaled || fuse !== undefined ? applied(scaledToUnit(positive)) : positive;
    return resizeWithRange({ values }, { height, width, into: maps.length === 1 ? into : undefined });
  });
  if (fuse === undefined) {
    // The mean of one map is the map, so its range is known.
    if (isScaled && resized.length === 1) return scaledToUnit(resized[0]!.map, resized[0]!.range);
    const one = mean(resized.map(({ map: values }) => ({ values })));
    return isScaled ? scaledToUnit(one.values) : one;
  }
  const full = resized.map(({ map, range }) => applied(scaledToUnit(map, range)));
  const nonZero = full.filter((map) => map.data.some((value) => value > 0));
  const one = nonZero.length === 0 ? mean(full.map((values) => ({ values }))).values : fuse(nonZero);
  return isScaled ? scaledToUnit(one) : { values: one };
}

/**
 * Combines the finished maps of an image (one for each score and class): their sum, divided by its maximum.
 * All zeros if every map is zero. Overwrites the given maps.
 */
export function combine(parts: readonly FinishedMap[]): Map2D {
  const sum = mean(parts);
  return applied(dividedBy(sum, maximumOf(sum)));
}
