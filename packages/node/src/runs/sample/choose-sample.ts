import { createRandom, minMeasuredScore } from "@whybox/core";
import { confidenceGroupOf, confidenceGroups, measurementsVersion, sizeGroupOf, sizeGroups } from "@whybox/report";
import type { ResultLine, RunDetection } from "../schema.js";
import type { Chosen, Sample } from "./schema.js";

export interface SampleOptions {
  /** The maximum number of detections. */
  readonly asked: number;
  readonly seed: number;
  /** SHA-256 of the lines. */
  readonly results: string;
  /** Reads the lines of the run from the start. Called twice. */
  readonly lines: () => AsyncIterable<ResultLine>;
}

/**
 * Chooses the detections that are measured, stratified by class, size and confidence: each stratum has its share of the sample, up to a whole
 * detection, and each detection the same chance. So the mean of the sample is an estimate for the run. The same lines and seed give the same sample.
 * Detections in the frames of videos have no part: their images are not stored.
 */
export async function chooseSample({ asked, seed, results, lines }: SampleOptions): Promise<Sample> {
  const sizes = new Map<string, number>();
  for await (const { stratum } of candidatesOf(lines(), seed)) sizes.set(stratum, (sizes.get(stratum) ?? 0) + 1);
  const candidates = sum(sizes.values());
  const strata = allocate(sizes, Math.min(asked, candidates), createRandom(seed).uniform());
  for await (const { stratum, key, chosen } of candidatesOf(lines(), seed)) strata.get(stratum)!.offer(key, chosen);
  const detections = [...strata.values()].flatMap((one) => one.chosen());
  detections.sort((a, b) => a.item - b.item || a.detection - b.detection);
  return { schemaVersion: measurementsVersion, asked, seed, candidates, results, detections };
}

interface Candidate {
  /** A name that sorts by class, size and confidence. */
  readonly stratum: string;
  /** A random number. */
  readonly key: number;
  readonly chosen: Chosen;
}

async function* candidatesOf(lines: AsyncIterable<ResultLine>, seed: number): AsyncGenerator<Candidate> {
  for await (const line of lines) {
    if (line.kind !== "picture") continue;
    const { item, source } = line;
    // The numbers of an image do not depend on other images.
    const random = createRandom(seed, item + 1);
    for (const [detection, one] of line.detections.entries()) {
      const key = random.uniform();
      if (!one.explained || one.score < minMeasuredScore) continue;
      const area = areaOf(one, line.size);
      const { class: number, name, score, box } = one;
      const [confidence, size] = [confidenceGroupOf(score), sizeGroupOf(area)];
      const stratum = [number, rankOf(sizeGroups, size), rankOf(confidenceGroups, confidence)]
        .map((part) => String(part).padStart(6, "0"))
        .join("/");
      // In the order of the schema, so that the lines have the same bytes when the sample is read again.
      const chosen = { item, source, detection, class: number, name, score, confidence, area, size, box };
      yield { stratum, key, chosen };
    }
  }
}

function rankOf(groups: readonly { readonly id: string }[], wanted: string): number {
  return groups.findIndex(({ id }) => id === wanted);
}

/** The box's share of the image. */
function areaOf({ box: [x1, y1, x2, y2] }: RunDetection, [height, width]: readonly [number, number]): number {
  const side = (low: number, high: number, length: number) => Math.max(0, Math.min(high, length) - Math.max(low, 0));
  return (side(x1, x2, width) * side(y1, y2, height)) / (width * height);
}

/**
 * Divides the sample among the strata: every n-th of the sorted candidates falls into one of them. Madow, "On the theory of systematic sampling, II",
 * 1949. @param start where the first falls, 0..1 of a step.
 */
function allocate(sizes: ReadonlyMap<string, number>, count: number, start: number): Map<string, Stratum> {
  const all = sum(sizes.values());
  const before = (end: number) => (all === 0 ? 0 : Math.max(0, Math.ceil((end * count) / all - start)));
  let end = 0;
  return new Map(
    [...sizes.keys()].sort().map((name) => {
      const first = before(end);
      end += sizes.get(name)!;
      return [name, new Stratum(before(end) - first)] as const;
    }),
  );
}

/** Keeps the candidates with the smallest keys. */
class Stratum {
  readonly #limit: number;
  /** In the order of their keys. */
  readonly #kept: { readonly key: number; readonly chosen: Chosen }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(key: number, chosen: Chosen): void {
    if (this.#limit === 0 || (this.#kept.length === this.#limit && this.#kept.at(-1)!.key <= key)) return;
    let [low, high] = [0, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#kept[middle]!.key <= key) low = middle + 1;
      else high = middle;
    }
    this.#kept.splice(low, 0, { key, chosen });
    if (this.#kept.length > this.#limit) this.#kept.pop();
  }

  chosen(): Chosen[] {
    return this.#kept.map(({ chosen }) => chosen);
  }
}

function sum(numbers: Iterable<number>): number {
  let all = 0;
  for (const number of numbers) all += number;
  return all;
}
