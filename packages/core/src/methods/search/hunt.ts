import type { Blends, Depth } from "../method.js";
import { type Candidate, Contest, hasBox, isBoxOnly, quality } from "./contest.js";
import type { Search, SearchMixture, SearchPart, SearchSurroundings } from "./found.js";
import { type Cells, Grid } from "./grid.js";
import { firstParts, fusedOf, type Parts } from "./parts.js";
import { pathGradients } from "./path.js";
import { regionEffects, regionKinds } from "./regions.js";
import { Surroundings } from "./surroundings.js";
import { blurredOf, curvesOf, TrialRuns } from "./trials.js";

type Weights = Partial<Record<SearchPart, number>>;

/** Images with random regions, of each kind. */
const REGION_IMAGES = 32;
/** A smaller difference of two qualities says nothing. */
const EQUAL = 0.01;
const whole: Weights = { depths: 0.4, ...regions(0.25), ...path(0.2) };
const surrounded: Weights = { depths: 0.4, "regions-surrounded": 0.4, ...path(0.2) };
/** What is compared once all parts are there. */
const mixtures: readonly Weights[] = [
  { box: 1, ...path(0.25) },
  regions(1),
  whole,
  surrounded,
  { box: 1, ...regions(0.3) },
  { box: 1, ...regions(0.6) },
  { box: 1, "regions-alone": 0.5 },
  { box: 0.7, ...whole },
  { box: 2, ...surrounded },
];
/** Parts that are changed together, and their weights if they are new. */
const GROUPS: readonly Weights[] = [{ box: 0.7 }, { depths: 0.3 }, path(0.2), regions(0.2)];

/** What a search starts from. */
export interface HuntRequest {
  readonly depths: readonly Depth[];
  readonly blends: Blends;
  readonly seed: number;
  /** Seconds. */
  readonly budget: number;
}

/** What a search gives. */
export interface Hunted {
  /** The map on the cells of the grid. Undefined if the network gave nothing. */
  readonly cells: Cells | undefined;
  /** The order of the pixels of the input outside the grid. */
  readonly around: Float32Array;
  readonly found: Search;
}

/** The search for a map of one detection. */
export class Hunt {
  readonly grid: Grid;
  readonly #request: HuntRequest;
  readonly #parts: Parts;
  readonly #contest: Contest;
  readonly #surroundings: Surroundings;
  readonly #box: Candidate;
  /** Kinds of runs whose sessions are there. */
  readonly #opened = new Set<string>();
  /** When the time is over. It starts with the search. */
  #end = Number.POSITIVE_INFINITY;
  #around: { readonly by: SearchSurroundings; readonly values: Float32Array };
  #images = 0;
  #isCut = false;

  constructor(request: HuntRequest) {
    const { depths } = request;
    const blends = this.#counted(request.blends);
    this.#request = { ...request, blends };
    this.grid = new Grid(blends);
    const fused = fusedOf(depths, blends.size);
    this.#parts = firstParts(fused, this.grid);
    this.#surroundings = new Surroundings({ blends, grid: this.grid, fused });
    this.#around = { by: "distance", values: this.#surroundings.byDistance() };
    this.#contest = new Contest({
      parts: this.#parts,
      grid: this.grid,
      runs: new TrialRuns(blends, this.grid),
      isOver: () => this.#isOver(),
    });
    this.#box = this.#contest.mix({ box: 1 })!;
  }

  /** Runs the steps until one of them says that it is enough, or the time is over. @throws runtime, aborted. */
  async run(): Promise<Hunted> {
    const { blends, budget } = this.#request;
    // The detections of an image share these: they count for none of them.
    blurredOf(blends);
    blends.mean();
    this.#end = performance.now() + 1e3 * budget;
    await this.#contest.race([this.#box], 1);
    await this.#race([{ depths: 1 }, { box: 1, depths: 0.5 }], 2);
    let stoppedBy: Search["stoppedBy"] = "plan";
    if (!this.#isOver()) await this.#addGradients();
    if (!this.#isOver()) this.#around = await this.#surroundings.choose();
    if (!this.#isOver()) await this.#addRegions();
    if (!this.#isOver()) await this.#race(mixtures, 3);
    if (!this.#isOver() && !(await this.#refine())) stoppedBy = "settled";
    const [first, second] = this.#answers();
    if (first !== undefined && second !== undefined && !this.#isOver()) {
      await this.#contest.race([this.#contest.join(first, second)], 1);
    }
    return this.#result(stoppedBy);
  }

  #counted(blends: Blends): Blends {
    return {
      ...blends,
      strengths: (blend, count, fill) => {
        this.#images += count;
        return this.#timed("strengths", () => blends.strengths(blend, count, fill));
      },
      gradientAt: (image) => {
        this.#images++;
        return this.#timed("gradientAt", () => blends.gradientAt(image));
      },
    };
  }

  /** The first run of each kind makes its session if no detection before did. It does not count, so that each detection has the same time. */
  async #timed<T>(kind: string, run: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const found = await run();
    if (!this.#opened.has(kind)) this.#end += performance.now() - start;
    this.#opened.add(kind);
    return found;
  }

  /** Whether the time is over. Asked before each step that this would leave out. */
  #isOver(): boolean {
    this.#isCut ||= performance.now() > this.#end;
    return this.#isCut;
  }

  /** Candidates with all trials that know something of the network, best first. */
  #answers(): Candidate[] {
    return this.#contest.finalists.filter((one) => !isBoxOnly(one));
  }

  #race(all: readonly Weights[], least: number): Promise<void> {
    return this.#contest.race(
      all.map((weights) => this.#contest.mix(weights)),
      least,
    );
  }

  /** Gradients along the way of a map that knows both the box and the network. */
  async #addGradients(): Promise<void> {
    const { insertion, deletion } = await pathGradients({
      ...{ blends: this.#request.blends, grid: this.grid },
      // Without the fall at the rim: it would fill most of the spread that makes a mask soft.
      cells: this.#contest.sumOf({ box: 1, depths: 1 }),
      each: (gradient) => this.#surroundings.add(gradient),
    });
    this.#add("path-insertion", insertion);
    this.#add("path-deletion", deletion);
  }

  async #addRegions(): Promise<void> {
    const { blends, seed } = this.#request;
    for (const kind of regionKinds) {
      if (this.#isOver()) return;
      const options = { kind, images: REGION_IMAGES, seed, isOver: () => this.#isOver() };
      this.#add(`regions-${kind}`, await regionEffects(blends, this.grid, options));
    }
  }

  /** Changes the best mixture, one group of parts at a time. Returns true if a change helps. */
  async #refine(): Promise<boolean> {
    const best = this.#answers().find(({ mixtures }) => mixtures.length === 1);
    if (best === undefined) return false;
    await this.#race(changesOf(best.mixtures[0]!), 2);
    return this.#answers()[0] !== best;
  }

  #add(part: SearchPart, cells: Cells): void {
    if (cells.some((value) => value !== 0)) this.#parts.set(part, cells);
  }

  async #result(stoppedBy: Search["stoppedBy"]): Promise<Hunted> {
    const [box, contest] = [this.#box, this.#contest];
    await contest.complete([box]);
    const best = await contest.best((one) => !isBoxOnly(one));
    const isBetter = best !== undefined && quality(best) > quality(box) + EQUAL;
    const chosen = isBetter ? best : await contest.best((one) => !hasBox(one));
    const found: Search = {
      ...{ chosen: chosen?.mixtures ?? [], surroundings: this.#around.by },
      noBetterThanBox: !isBetter,
      map: curvesOf((chosen ?? box).values as number[]),
      gaussian: curvesOf(box.values as number[]),
      candidates: contest.count,
      passes: this.#images,
      stoppedBy: this.#isCut ? "budget" : stoppedBy,
    };
    return { cells: chosen?.cells, around: this.#around.values, found };
  }
}

function path(weight: number): Weights {
  return { "path-insertion": weight, "path-deletion": weight };
}

function regions(weight: number): Weights {
  return { "regions-alone": weight, "regions-surrounded": weight, "regions-removed": weight };
}

/** The mixture without a group of its parts, with half as much again of it, or with a group that it does not have. */
function changesOf(mixture: SearchMixture): Weights[] {
  const own = Object.fromEntries(mixture.map(({ part, weight }) => [part, weight])) as Weights;
  return GROUPS.flatMap((group) => {
    const parts = Object.keys(group) as SearchPart[];
    if (parts.every((part) => own[part] === undefined)) return [{ ...own, ...group }];
    const scaled = (factor: number): Weights =>
      Object.fromEntries(parts.map((part) => [part, factor * (own[part] ?? 0)]));
    return [
      { ...own, ...scaled(0) },
      { ...own, ...scaled(1.6) },
    ];
  });
}
