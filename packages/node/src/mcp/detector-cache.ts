import { stat } from "node:fs/promises";
import type { Detector } from "../api.js";

interface Entry {
  readonly loading: Promise<Detector>;
  users: number;
  last: number;
}

/** Keeps the detectors of the last models, so that a further question about one does not load it again. */
export class DetectorCache {
  readonly #load: (weights: string) => Promise<Detector>;
  readonly #max: number;
  readonly #entries = new Map<string, Entry>();
  #clock = 0;

  constructor(load: (weights: string) => Promise<Detector>, max: number) {
    [this.#load, this.#max] = [load, max];
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Runs the work with the detector of a model. A changed file is loaded again. */
  async use<T>(weights: string, work: (detector: Detector) => Promise<T>): Promise<T> {
    const facts = await stat(weights).catch(() => undefined);
    const key = `${weights}\n${facts?.mtimeMs ?? ""}\n${facts?.size ?? ""}`;
    const entry = this.#entries.get(key) ?? this.#open(key, weights);
    entry.users++;
    entry.last = ++this.#clock;
    try {
      return await work(await entry.loading);
    } finally {
      entry.users--;
      await this.#trim();
    }
  }

  #open(key: string, weights: string): Entry {
    const entry: Entry = { loading: this.#load(weights), users: 0, last: 0 };
    this.#entries.set(key, entry);
    entry.loading.catch(() => this.#entries.delete(key));
    return entry;
  }

  /** Disposes of the detectors that were used least recently. */
  async #trim(): Promise<void> {
    const idle = [...this.#entries].filter(([, { users }]) => users === 0).sort(([, a], [, b]) => a.last - b.last);
    for (const [key, { loading }] of idle.slice(0, Math.max(0, this.#entries.size - this.#max))) {
      this.#entries.delete(key);
      await loading.then((detector) => detector.dispose()).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    for (const { loading } of all) await loading.then((detector) => detector.dispose()).catch(() => undefined);
  }
}
