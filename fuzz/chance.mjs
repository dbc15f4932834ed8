// Random choices that depend on a seed and a number of the case only.
import { createRandom } from "../packages/core/dist/algebra/random.js";

/** Numbers at which sizes, indices and offsets go wrong. */
export const EXTREMES = [
  ...[0n, 1n, 2n, 3n, 127n, 128n, 255n, 256n, 32767n, 65535n, 65536n, 1n << 20n],
  ...[(1n << 31n) - 1n, 1n << 31n, (1n << 32n) - 1n, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n],
  ...[-1n, -2n, -128n, -(1n << 31n), -(1n << 63n)],
];

/** Texts at which names go wrong. */
export const TEXTS = ["", "__proto__", "constructor", "a\u001b[2Jb", "\0", "a".repeat(70_000), "🐕", "../../x", "=1+1"];

/** Random choices. `createRandom` gives the same numbers everywhere, and each stream of a seed is a sequence of its own. */
export class Chance {
  #random;

  constructor(seed, stream) {
    this.#random = createRandom(seed, stream);
  }

  /** A number in [0, 1). */
  uniform() {
    return this.#random.uniform();
  }

  /** A whole number from 0 to n - 1. */
  below(n) {
    return Math.floor(this.uniform() * n);
  }

  /** True with this probability. */
  is(probability) {
    return this.uniform() < probability;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  extreme() {
    return this.pick(EXTREMES);
  }
}
