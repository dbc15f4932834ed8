/** Converts IEEE binary16 bits to float32. The conversion is exact. */
export function halfToFloat(bits: Uint16Array): Float32Array {
  const floats = new Float32Array(bits.length);
  const words = new Uint32Array(floats.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!;
    const size = half & 0x7fff;
    if (size < 0x0400) {
      floats[i] = (half & 0x8000 ? -1 : 1) * size * 2 ** -24; // zero and subnormal numbers
    } else {
      // The mantissa has 13 more bits. The bias of the exponent changes from 15 to 127. Infinity and NaN need the offset twice.
      words[i] = ((half & 0x8000) << 16) | ((size << 13) + (size < 0x7c00 ? 0x38000000 : 0x70000000));
    }
  }
  return floats;
}

/** Converts bfloat16 bits to float32. They are the upper half of a float32. */
export function bfloat16ToFloat(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}
