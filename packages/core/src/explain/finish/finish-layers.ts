import type { Size } from "../../image/frame.js";
import { resizeWithRange } from "../../kernels/resample.js";
import type { Map2D } from "../../tensor/tensor.js";
import { applied, dividedBy, type FinishedMap, maximumOf, mean, scaledToUnit } from "./finished-map.js";

/** A copy with negative values, and NaN, set to zero. */
export function relu({ height, width, data: signed }: Map2D): Map2D {
  const data = new Float32Array(signed.length);
  for (let i = 0; i < data.length; i++) if (signed[i]! > 0) data[i] = signed[i]!;
  return { height, width, data };
}

export interface FinishOptions {
  /** `[h, w]` of the network's input. */
  readonly inputSize: Size;
  /** False: nothing is scaled, so that the maps of different detections can be compared. Default true. */
  readonly isScaled?: boolean;
  /** Makes one map of those of several layers, in place of their mean. */
  readonly fuse?: ((maps: readonly Map2D[]) => Map2D) | undefined;
  /** The array of the map of a single layer, of as many values as the input. Default: a new array. */
  readonly into?: Float32Array | undefined;
}

/**
 * One explanation from the raw signed maps of its layers, in the order of pytorch-grad-cam: each map ReLU, scaled to 0..1, resized
 * (bilinear) to the network's input; then the mean over layers, scaled again. With `fuse` each is scaled once more, and those that are not
 * zero are fused.
 */
export function finishLayers(maps: readonly Map2D[], options: FinishOptions): FinishedMap {
  const { inputSize, isScaled = true, fuse, into } = options;
  const [height, width] = inputSize;
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
  const lit = full.filter((map) => map.data.some((value) => value > 0));
  const one = lit.length === 0 ? mean(full.map((values) => ({ values }))).values : fuse(lit);
  return isScaled ? scaledToUnit(one) : { values: one };
}

/**
 * The explanation of an image from its finished parts (one for each item and class): their sum over its maximum.
 * All zeros when every part is zero. The parts are used up.
 */
export function combine(parts: readonly FinishedMap[]): Map2D {
  const sum = mean(parts);
  return applied(dividedBy(sum, maximumOf(sum)));
}
