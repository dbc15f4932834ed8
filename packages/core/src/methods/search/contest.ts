import type { SearchMixture, SearchPart } from "./found.js";
import { type Cells, type Grid, ranks, standard } from "./grid.js";
import { isOfBox, type Parts } from "./parts.js";
import { qualityOf, type TrialRuns, trials } from "./trials.js";

/** The trials of each round: first the middle share of each kind, then the smallest, then the largest. */
const ROUNDS: readonly (readonly number[])[] = [1, 0, 2].map((share) => [0, 3, 6].map((kind) => kind + share));

/** Number of maps that get all trials before the best one is chosen. */
const COMPLETED = 3;

/** A map that takes part, and what its trials gave so far. */
export interface Candidate {
  readonly mixtures: readonly SearchMixture[];
  readonly cells: Cells;
  /** Values of the trials, in their order. Undefined until they ran. */
  readonly values: (number | undefined)[];
}

/** What a contest needs. */
interface ContestRequest {
  readonly parts: Parts;
  readonly grid: Grid;
  readonly runs: TrialRuns;
  /** Whether the time is over. */
  isOver(): boolean;
}

/** Compares maps by their trials. Maps that fall behind are dropped early. */
export class Contest {
  readonly parts: Parts;
  readonly #rim: Cells;
  readonly #runs: TrialRuns;
  readonly #isOver: () => boolean;
  readonly #known = new Map<string, Candidate>();

  constructor({ parts, grid, runs, isOver }: ContestRequest) {
    this.parts = parts;
    this.#rim = grid.rim;
    this.#runs = runs;
    this.#isOver = isOver;
  }

  get count(): number {
    return this.#known.size;
  }

  /** All candidates with all trials, best first. */
  get finalists(): Candidate[] {
    return sorted(
      [...this.#known.values()].filter((one) => isMeasured(one)),
      ROUNDS.length,
    );
  }

  /** The cells of a mixture, without parts that are missing and without the fall at the rim. All are 0 if none is left. */
  sumOf(weights: Partial<Record<SearchPart, number>>): Cells {
    return this.#sum(this.#mixtureOf(weights));
  }

  /** A mixture, without parts that are missing. Undefined if none is left. */
  mix(weights: Partial<Record<SearchPart, number>>): Candidate | undefined {
    const mixture = this.#mixtureOf(weights);
    const key = mixture
      .map(({ part, weight }) => `${part} ${weight.toFixed(4)}`)
      .sort()
      .join();
    if (this.#known.has(key)) return this.#known.get(key);
    if (mixture.length === 0) return undefined;
    const cells = this.#sum(mixture);
    const candidate: Candidate = {
      mixtures: [mixture],
      cells: isBoxOnly({ mixtures: [mixture] }) ? cells : this.#fading(cells),
      values: trials.map(() => undefined),
    };
    this.#known.set(key, candidate);
    return candidate;
  }

  #mixtureOf(weights: Partial<Record<SearchPart, number>>): SearchMixture {
    return (Object.entries(weights) as [SearchPart, number][])
      .filter(([part, weight]) => weight !== 0 && this.parts.has(part))
      .map(([part, weight]) => ({ part, weight }));
  }

  #sum(mixture: SearchMixture): Cells {
    const cells = new Float64Array(this.#rim.length);
    for (const { part, weight } of mixture) {
      const own = this.parts.get(part)!;
      for (let i = 0; i < cells.length; i++) cells[i]! += weight * own[i]!;
    }
    return standard(cells);
  }

  /** Cells that fall at the rim of the grid, where even the hottest one becomes the coldest. */
  #fading(cells: Cells): Cells {
    const [low, high] = cells.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [0, 0]);
    return standard(cells.map((value, i) => value - (high - low) * this.#rim[i]!));
  }

  /** The mean of the ranks of two candidates. */
  join(a: Candidate, b: Candidate): Candidate {
    const [first, second] = [ranks(a.cells), ranks(b.cells)];
    const candidate: Candidate = {
      mixtures: [...a.mixtures, ...b.mixtures],
      cells: standard(first.map((rank, i) => rank + second[i]!)),
      values: trials.map(() => undefined),
    };
    this.#known.set(`joined ${this.#known.size}`, candidate);
    return candidate;
  }

  /** The best candidate of a kind. Those that were best in the first round get all trials before, one if the time is over. */
  async best(isOfKind: (candidate: Candidate) => boolean): Promise<Candidate | undefined> {
    const all = [...this.#known.values()].filter((one) => isOfKind(one) && isMeasured(one, 1));
    await this.complete(sorted(all, 1).slice(0, this.#isOver() ? 1 : COMPLETED));
    return this.finalists.find(isOfKind);
  }

  /** Runs the trials in rounds. After each, the best third goes on, at least `least` of them. */
  async race(all: readonly (Candidate | undefined)[], least: number): Promise<void> {
    let racing = [...new Set(all.filter((one) => one !== undefined))];
    for (let round = 0; round < ROUNDS.length; round++) {
      if (round > 0 && this.#isOver()) return;
      await this.#measure(racing, ROUNDS[round]!);
      racing = sorted(racing, round + 1).slice(0, Math.max(least, Math.ceil(racing.length / 3)));
    }
  }

  /** Runs all trials of candidates, whatever the time. */
  complete(all: readonly (Candidate | undefined)[]): Promise<void> {
    return this.#measure(
      all.filter((one) => one !== undefined),
      ROUNDS.flat(),
    );
  }

  async #measure(all: readonly Candidate[], own: readonly number[]): Promise<void> {
    const missing = all.flatMap((candidate) =>
      own.filter((i) => candidate.values[i] === undefined).map((i) => ({ candidate, i })),
    );
    const items = missing.map(({ candidate, i }) => ({ cells: candidate.cells, trial: trials[i]! }));
    const values = await this.#runs.run(items);
    missing.forEach(({ candidate, i }, n) => {
      candidate.values[i] = values[n]!;
    });
  }
}

/** The candidates by the quality in the first rounds, best first. */
function sorted(all: readonly Candidate[], rounds: number): Candidate[] {
  const own = ROUNDS.slice(0, rounds).flat();
  const so = ({ values }: Candidate) =>
    qualityOf(
      own.map((i) => trials[i]!),
      own.map((i) => values[i]!),
    );
  return all
    .map((candidate) => ({ candidate, quality: so(candidate) }))
    .sort((a, b) => b.quality - a.quality)
    .map(({ candidate }) => candidate);
}

function isMeasured({ values }: Candidate, rounds = ROUNDS.length): boolean {
  return ROUNDS.slice(0, rounds)
    .flat()
    .every((i) => values[i] !== undefined);
}

/** The quality of a candidate with all trials. */
export function quality({ values }: Candidate): number {
  return qualityOf(trials, values as number[]);
}

/** True if a part of the candidate is a Gaussian. */
export function hasBox({ mixtures }: Candidate): boolean {
  return mixtures.some((mixture) => mixture.some(({ part }) => isOfBox(part)));
}

/** True if the candidate knows nothing of the network. */
export function isBoxOnly({ mixtures }: Pick<Candidate, "mixtures">): boolean {
  return mixtures.every((mixture) => mixture.every(({ part }) => isOfBox(part)));
}
