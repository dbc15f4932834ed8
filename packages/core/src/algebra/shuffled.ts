import { createRandom, type Random } from "./random.js";

/** The items in random order. */
export function shuffled(items: Uint32Array, seed: number): Uint32Array {
  return shuffle(items.slice(), createRandom(seed));
}

/** Puts the items in random order, in place. Fisher and Yates, in the form of Durstenfeld (1964). */
export function shuffle<T, List extends { readonly length: number; [i: number]: T }>(
  items: List,
  random: Random,
): List {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
