/** Bytes that look random and are the same everywhere; the seed must not be 0. */
export function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >> 16;
  });
}

/** Of both signs and of many sizes, so that the order of additions shows in the last bits. */
export function floats(length: number, seed: number): Float32Array {
  const bytes = noise(2 * length, seed);
  return Float32Array.from({ length }, (_, i) => (bytes[2 * i]! - 100) * 1.7 ** ((bytes[2 * i + 1]! % 32) - 16));
}
