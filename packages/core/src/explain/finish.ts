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

/** In place: least value to 0, largest to 1 (almost: the divisor carries 1e-7, so an all-zero or constant map becomes zeros). */
export function scaleToUnit(map: Map2D): Map2D {
  const { data } = map;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
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
 * All zeros when every part is zero. The parts are used up.
 */
export function combine(parts: readonly Map2D[]): Map2D {
  const total = mean(parts);
  let high = 0;
  for (let i = 0; i < total.data.length; i++) if (total.data[i]! > high) high = total.data[i]!;
  return high === 0 || high === 1 ? total : rescale(total, 0, high);
}

function rescale(map: Map2D, low: number, divisor: number): Map2D {
  const { data } = map;
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(data[i]! - low) / divisor;
  return map;
}

/** In place of the first. */
function mean(maps: readonly Map2D[]): Map2D {
  const [first, ...others] = maps as readonly [Map2D, ...Map2D[]];
  if (others.length === 0) return first;
  const { data } = first;
  for (let i = 0; i < data.length; i++) data[i]! /= maps.length;
  for (const other of others) for (let i = 0; i < data.length; i++) data[i]! += other.data[i]! / maps.length;
  return first;
}
