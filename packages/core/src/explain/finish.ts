import type { Size } from "../image/frame.js";
import { resizeBilinear } from "../tensor/resample.js";
import type { Map2D } from "../tensor/tensor.js";

/** Keeps the divisions of an all-zero map finite; pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-7;

/** A copy with negative values, and NaN, set to zero. */
export function relu(map: Map2D): Map2D {
  const data = new Float32Array(map.data.length);
  for (let i = 0; i < data.length; i++) if (map.data[i]! > 0) data[i] = map.data[i]!;
  return { height: map.height, width: map.width, data };
}

/** Least value to 0, largest to 1 (almost: the divisor carries 1e-7, so an all-zero or constant map becomes zeros). */
export function scaleToUnit(map: Map2D): Map2D {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < map.data.length; i++) {
    const value = map.data[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return rescale(map, low, Math.fround(Math.fround(high - low) + EPSILON));
}

/**
 * One explanation from the raw signed maps of its layers, in the order of pytorch-grad-cam: each map ReLU, scaled to 0..1, resized
 * (bilinear) to the network's input; then the mean over layers, scaled again.
 */
export function finishLayers(maps: readonly Map2D[], inputSize: Size): Map2D {
  const [height, width] = inputSize;
  const full = maps.map((map) => resizeBilinear(scaleToUnit(relu(map)), height, width));
  return scaleToUnit(mean(full));
}

/**
 * The explanation of an image from its finished parts (one for each item and class): their sum over its maximum.
 * All zeros when every part is zero.
 */
export function combine(parts: readonly Map2D[]): Map2D {
  const total = mean(parts);
  let high = 0;
  for (let i = 0; i < total.data.length; i++) if (total.data[i]! > high) high = total.data[i]!;
  return high === 0 ? total : rescale(total, 0, high);
}

function rescale(map: Map2D, low: number, divisor: number): Map2D {
  const data = new Float32Array(map.data.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(map.data[i]! - low) / divisor;
  return { height: map.height, width: map.width, data };
}

function mean(maps: readonly Map2D[]): Map2D {
  const [first] = maps as readonly [Map2D, ...Map2D[]];
  if (maps.length === 1) return first;
  const sum = new Float32Array(first.data.length);
  for (const { data } of maps) for (let i = 0; i < sum.length; i++) sum[i]! += data[i]! / maps.length;
  return { height: first.height, width: first.width, data: sum };
}
