/** The ranges that the values of an image of 32 bits may have. */
const RANGES = [255, 65_535] as const;

/**
 * Scales the values of an image of floats or of 32-bit integers to 0..255. Their files do not say what white is, so the values tell: the range is
 * the smallest of 0..1 (floats), 0..255 and 0..65535 that holds them, else 0 to the largest. Values below 0 become 0.
 */
export function toBytes(
  values: Float32Array,
  isFloat: boolean,
): { readonly bytes: Uint8Array; readonly white: number } {
  let largest = 0;
  for (const value of values) if (value > largest && value < Number.POSITIVE_INFINITY) largest = value;
  const ranges = isFloat ? [1, ...RANGES] : RANGES;
  const white = ranges.find((range) => largest <= range) ?? largest;
  const scale = 255 / white;
  // Uint8ClampedArray rounds, clips, and turns NaN into 0. (Its `from` would make a list of all values first.)
  const bytes = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) bytes[i] = values[i]! * scale;
  return { bytes: new Uint8Array(bytes.buffer), white };
}
