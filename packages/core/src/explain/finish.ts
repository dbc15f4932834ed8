import type { Size } from "../image/frame.js";
import { resizeBilinear } from "../tensor/resample.js";
import type { Map2D } from "../tensor/tensor.js";

/** Keeps the divisions of an all-zero map finite; pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-7;

/** A copy with negative values, and NaN, set to zero. */
export function relu(map: Map2D): Map2D {
  return { ...map, data: map.data.map((value) => (value > 0 ? value : 0)) };
}

/** Least value to 0, largest to 1 (almost: the divisor carries 1e-7, so an all-zero or constant map becomes zeros). */
export function scaleToUnit(map: Map2D): Map2D {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of map.data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const range = Math.fround(Math.fround(high - low) + EPSILON);
  return { ...map, data: map.data.map((value) => Math.fround(value - low) / range) };
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
  for (const value of total.data) if (value > high) high = value;
  return high === 0 ? total : { ...total, data: total.data.map((value) => value / high) };
}

function mean(maps: readonly Map2D[]): Map2D {
  const [first] = maps as readonly [Map2D, ...Map2D[]];
  const sum = new Float32Array(first.data.length);
  for (const map of maps) for (let i = 0; i < sum.length; i++) sum[i]! += map.data[i]! / maps.length;
  return { height: first.height, width: first.width, data: sum };
}
