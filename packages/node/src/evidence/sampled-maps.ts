import { createHash } from "node:crypto";
import type { RunImageLine } from "../runs/schema.js";

/** Number of maps on the page. */
const SHOWN = 12;
/** Fixed, so that nobody chooses the maps. */
export const sampleSeed = 1;

/** A detection with its small map in base64. */
export interface SampledMap {
  readonly line: RunImageLine;
  readonly detection: number;
  readonly map: string;
}

/** A random sample of detections: those with the smallest digests of seed, item and index. The order of the offers does not matter. */
export class SampledMaps {
  #kept: { readonly key: string; readonly sampled: SampledMap }[] = [];

  offer(sampled: SampledMap): void {
    const { line, detection } = sampled;
    const key = createHash("sha256").update(`${sampleSeed}:${line.item}:${detection}`).digest("hex");
    if (this.#kept.length === SHOWN && key > this.#kept.at(-1)!.key) return;
    this.#kept = [...this.#kept, { key, sampled }].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, SHOWN);
  }

  /** In the order of the run. */
  list(): readonly SampledMap[] {
    return this.#kept
      .map(({ sampled }) => sampled)
      .sort((a, b) => a.line.item - b.line.item || a.detection - b.detection);
  }
}
