import type { HeatMap } from "@whybox/browser";

/** Caches maps by request and detection. It removes the least recently used maps if they take too much memory. */
export class MapCache {
  readonly #maps = new Map<string, HeatMap>();
  readonly #maxValues: number;

  /** @param maxValues maximum number of pixels of all maps together. A pixel takes four bytes. */
  constructor(maxValues = 32_000_000) {
    this.#maxValues = maxValues;
  }

  get(key: string, detection: number): HeatMap | undefined {
    const name = `${detection} ${key}`;
    const found = this.#maps.get(name);
    if (found !== undefined) {
      this.#maps.delete(name);
      this.#maps.set(name, found);
    }
    return found;
  }

  put(key: string, maps: readonly HeatMap[]): void {
    for (const map of maps) this.#maps.set(`${map.detections[0]} ${key}`, map);
    let total = [...this.#maps.values()].reduce((sum, { data }) => sum + data.length, 0);
    for (const [name, { data }] of this.#maps) {
      if (total <= this.#maxValues) return;
      this.#maps.delete(name);
      total -= data.length;
    }
  }

  clear(): void {
    this.#maps.clear();
  }
}
