import { createRandom } from "./random.js";

/** The items in random order. Fisher and Yates, in the form of Durstenfeld (1964). */
export function shuffled(items: Uint32Array, seed: number): Uint32Array {
  const random = createRandom(seed);
  const all = items.slice();
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}
