import { WhyboxError } from "../errors.js";

/** A sequence of random numbers. The same seed and stream give the same numbers on every platform. */
export interface Random {
  /** Returns a uniform number in [0, 1), in steps of 2^-32. */
  uniform(): number;
  /** Returns a normal number with mean 0 and standard deviation 1. */
  normal(): number;
}

const TWO_32 = 2 ** 32;
/** Multipliers and key increments of Philox4x32. */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/**
 * Creates a counter-based random number generator: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC 2011, section 3.3). The key is `seed`, the counter is `(block, stream)`. Streams of one seed never overlap: item `i` of a series can
 * use stream `i`, and its numbers do not depend on earlier draws. Normal numbers use the method of Box and Muller (1958).
 * @throws usage when the seed or the stream is not a whole number from 0 to 2^53 - 1.
 */
export function createRandom(seed: number, stream = 0): Random {
  for (const [name, value] of Object.entries({ seed, stream })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new WhyboxError("usage", `The ${name} is ${value}. Expected a whole number from 0 to 2^53 - 1.`);
    }
  }
  const key = words(seed);
  const high = words(stream);
  const block = new Uint32Array(4);
  let count = 0;
  let read = 4;
  let spare: number | undefined;
  const next = (): number => {
    if (read === 4) {
      const low = words(count++);
      block.set([low[0], low[1], high[0], high[1]]);
      philox(block, key[0], key[1]);
      read = 0;
    }
    return block[read++]!;
  };
  return {
    uniform: () => next() / TWO_32,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log((next() + 0.5) / TWO_32));
      const angle = (2 * Math.PI * next()) / TWO_32;
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}

/**
 * Runs Philox4x32-10 in place: replaces the four words of `counter` by four random words. Exported for tests with the authors' known
 * answers. Use `createRandom` otherwise.
 */
export function philox(counter: Uint32Array, key0: number, key1: number): void {
  let c0 = counter[0]!;
  let c1 = counter[1]!;
  let c2 = counter[2]!;
  let c3 = counter[3]!;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(M0, c0);
    const high1 = multiplyHigh(M1, c2);
    const low0 = Math.imul(M0, c0);
    const low1 = Math.imul(M1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c1 = low1 >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  counter[0] = c0;
  counter[1] = c1;
  counter[2] = c2;
  counter[3] = c3;
}

/** Returns the upper 32 bits of a 64-bit product. Each partial product is below 2^49, so it is exact in float64. */
function multiplyHigh(a: number, b: number): number {
  return Math.floor(((a >>> 16) * b + Math.floor(((a & 0xffff) * b) / 65536)) / 65536);
}

/** Splits a whole number into its lower and upper 32 bits. */
function words(value: number): readonly [low: number, high: number] {
  return [value >>> 0, Math.floor(value / TWO_32)];
}
