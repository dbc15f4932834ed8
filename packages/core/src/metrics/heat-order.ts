import { shuffled } from "../algebra/shuffled.js";

/** All integers up to this number are exact in float64. */
const EXACT_BITS = 53;

/**
 * Returns the given pixels in descending order of their values. Pixels with equal values are in random order, so that a constant map is as good
 * as a random one. NaN is last. The same seed gives the same order.
 */
export function heatOrder(values: Float32Array, pixels: Uint32Array, seed: number): Uint32Array {
  const places = shuffled(pixels, seed);
  // A key holds the value, and the place of the pixel below it. A sort of numbers needs no callback, which makes it ten times faster.
  const slots = 2 ** Math.max(1, Math.ceil(Math.log2(places.length + 1)));
  const unit = 2 ** Math.max(0, 32 - Math.floor(EXACT_BITS - Math.log2(slots)));
  const bits = new Uint32Array(Float32Array.from(places, (pixel) => values[pixel]! + 0).buffer);
  const keys = Float64Array.from(places, (_, i) => Math.floor(descending(bits[i]!) / unit) * slots + i).sort();
  return Uint32Array.from(keys, (key) => places[key % slots]!);
}

/** Maps the bits of a float32 to a whole number of 32 bits. A larger value has a smaller number, and NaN the largest. */
function descending(bits: number): number {
  const isUndefined = (bits & 0x7fffffff) > 0x7f800000;
  if (isUndefined) return 0xffffffff;
  return bits >= 0x80000000 ? bits : 0x7fffffff - bits;
}
