import { WhyboxError } from "@whybox/core";
import { type OpenRun, openRun, type RunImage, type SmallMap } from "../report/read-run.js";
import { pairDetections } from "../runs/pair-detections.js";
import type { RunDetection } from "../runs/schema.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { CompareValues } from "./compare-options.js";
import type { ComparedPair, Comparison, Figures, OneSided } from "./comparison.js";
import { indexRun, type JoinedImage, joinRuns, type RunIndex } from "./join-runs.js";
import { mapFigures } from "./map-figures.js";
import { type PairedSources, pairSources } from "./pair-sources.js";
import { refuseUnlike } from "./refuse-unlike.js";
import { problemsOf, worstFirst } from "./verdict.js";

export interface CompareRunsOptions {
  /** Folder of the run to compare with, such as that of the model in use. */
  readonly a: string;
  /** Folder of the run that is checked. */
  readonly b: string;
  readonly limits: CompareValues;
  /** Whether a file may be read, to tell images of the same name apart. Default: all. */
  readonly mayRead?: (path: string) => Promise<boolean>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Gets each pair with its maps and images. */
  readonly onPair?: (pair: ComparedPair, seen: SeenPair) => void;
}

/** Where a pair was seen, for images of it. */
export interface SeenPair extends JoinedImage {
  readonly maps: { readonly a: Uint8Array; readonly b: Uint8Array } | undefined;
}

/** Maximum number of detections in memory. */
const MAX_DETECTIONS = 300_000;

/**
 * Compares what two models look at in the same images: pairs the detections of two runs and compares their maps.
 * @throws bad-input if a folder is no run, or no image is in both; usage if the runs have different methods or layers; limit; aborted.
 */
export async function compareRuns({ a, b, limits, ...hooks }: CompareRunsOptions): Promise<Comparison> {
  const runs = [await openRun(a), await openRun(b)] as const;
  const notes = refuseUnlike(...runs);
  const indices = [await indexRun(runs[0]), await indexRun(runs[1])] as const;
  stopIfAborted(hooks.signal);
  const sources = await pairSources(
    { run: runs[0], sources: indices[0].sources },
    { run: runs[1], sources: indices[1].sources },
    hooks.mayRead,
  );
  if (sources.partner.size === 0) throw nothingInCommon(runs);
  const hasBoxes = runs[0].manifest.model.task !== "classify";
  const found = new Found({ ...hooks, limits, hasBoxes });
  const total = Math.min(indices[0].images, indices[1].images);
  for await (const image of joinRuns(...runs, sources)) {
    stopIfAborted(hooks.signal);
    found.add(image);
    hooks.onProgress?.(Math.min(found.images, total), total);
  }
  return comparisonOf({ runs, indices, sources, found, limits, notes });
}

type Both<T> = readonly [T, T];

interface FoundOptions extends Pick<CompareRunsOptions, "limits" | "onPair"> {
  /** False for classifiers: their maps are those of the whole image. */
  readonly hasBoxes: boolean;
}

/** The detections of the images that are in both runs. */
class Found {
  readonly pairs: ComparedPair[] = [];
  readonly lost: OneSided[] = [];
  readonly gained: OneSided[] = [];
  /** Sources whose images have different sizes. */
  readonly resized = new Set<string>();
  images = 0;
  readonly #options: FoundOptions;

  constructor(options: FoundOptions) {
    this.#options = options;
  }

  add(image: JoinedImage): void {
    const { first, second } = image;
    if (first.size[0] !== second.size[0] || first.size[1] !== second.size[1]) {
      this.resized.add(first.source);
      return;
    }
    this.images++;
    const { limits, hasBoxes, onPair } = this.#options;
    const pairs = pairDetections(first.detections, second.detections, { iou: limits.boxIou, by: "name" });
    for (const { first: i, second: j, iou } of pairs) {
      const maps = mapsOf(image, { i, j, hasBoxes });
      const pair = pairOf(image, { i, j, iou, maps }, limits);
      this.pairs.push(pair);
      onPair?.(pair, { ...image, maps });
    }
    const [mine, theirs] = [new Set(pairs.map((one) => one.first)), new Set(pairs.map((one) => one.second))];
    const place = placeOf(first);
    this.lost.push(
      ...without(first.detections, mine).map(([one, index]) => ({ ...place(one), ...sideOf(one, index) })),
    );
    this.gained.push(
      ...without(second.detections, theirs).map(([one, index]) => ({ ...place(one), ...sideOf(one, index) })),
    );
    if (this.pairs.length + this.lost.length + this.gained.length > MAX_DETECTIONS) throw tooMany();
  }
}

function without(detections: readonly RunDetection[], taken: ReadonlySet<number>): [RunDetection, number][] {
  return detections.flatMap((one, i) => (taken.has(i) ? [] : [[one, i] as [RunDetection, number]]));
}

function placeOf({ source, frame }: RunImage) {
  return ({ name }: RunDetection) => ({ source, frame: frame ?? null, name });
}

function sideOf({ score, box, heat }: RunDetection, index: number): ComparedPair["a"] {
  return { index, score, box, inBox: heat?.inBox ?? null };
}

/** The maps of the two detections, if both have their own. */
function mapsOf(
  { first, second }: JoinedImage,
  { i, j, hasBoxes }: Pick<Matched, "i" | "j"> & Pick<FoundOptions, "hasBoxes">,
): SeenPair["maps"] {
  const [a, b] = [ownMap(first, i, hasBoxes), ownMap(second, j, hasBoxes)];
  return a === undefined || b === undefined ? undefined : { a: a.whole, b: b.whole };
}

function ownMap({ detections, maps }: RunImage, index: number, hasBoxes: boolean): SmallMap | undefined {
  if (hasBoxes && detections[index]!.heat === null) return undefined;
  return maps.find((map) => map.detections.length === 1 && map.detections[0] === index);
}

interface Matched {
  readonly i: number;
  readonly j: number;
  readonly iou: number;
  readonly maps: SeenPair["maps"];
}

function pairOf({ first, second }: JoinedImage, { i, j, iou, maps }: Matched, limits: CompareValues): ComparedPair {
  const [one, other] = [first.detections[i]!, second.detections[j]!];
  const [a, b] = [sideOf(one, i), sideOf(other, j)];
  const inBoxChange = a.inBox === null || b.inBox === null ? null : b.inBox - a.inBox;
  const figures = maps === undefined ? null : { ...mapFigures(maps.a, maps.b, first.size), inBoxChange };
  return {
    ...placeOf(first)(one),
    ...{ a, b, iou: rounded(iou) },
    figures: figures === null ? null : roundedFigures(figures),
    moved: figures === null ? [] : movedBy(figures, limits),
  };
}

function movedBy(figures: Figures, limits: CompareValues): ComparedPair["moved"] {
  const { correlation, overlap, shift, inBoxChange } = figures;
  return [
    ...(correlation < limits.minCorrelation ? (["correlation"] as const) : []),
    ...(overlap < limits.minOverlap ? (["overlap"] as const) : []),
    ...(shift > limits.maxShift ? (["shift"] as const) : []),
    ...(Math.abs(inBoxChange ?? 0) > limits.maxInBoxChange ? (["inBoxChange"] as const) : []),
  ];
}

function roundedFigures({ correlation, overlap, shift, inBoxChange }: Figures): Figures {
  return {
    ...{ correlation: rounded(correlation), overlap: rounded(overlap) },
    ...{ shift: rounded(shift), inBoxChange: inBoxChange === null ? null : rounded(inBoxChange) },
  };
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

interface Parts {
  readonly runs: Both<OpenRun>;
  readonly indices: Both<RunIndex>;
  readonly sources: PairedSources;
  readonly found: Found;
  readonly limits: CompareValues;
  readonly notes: readonly string[];
}

function comparisonOf({ runs, indices, sources, found, limits, notes }: Parts): Comparison {
  const pairs = found.pairs.sort(worstFirst);
  const [lost, gained] = [found.lost, found.gained].map((list) => list.sort((x, y) => y.score - x.score)) as [
    OneSided[],
    OneSided[],
  ];
  const compared = pairs.flatMap(({ figures }) => figures ?? []);
  const counts = {
    ...{ paired: pairs.length, compared: compared.length, lost: lost.length, gained: gained.length },
    moved: pairs.filter(({ moved }) => moved.length > 0).length,
  };
  const images = {
    compared: found.images,
    onlyInA: [...sources.onlyFirst],
    onlyInB: [...sources.onlySecond],
    changed: [...sources.changed, ...found.resized],
  };
  const facts = (i: 0 | 1, detections: number) => ({
    ...{ folder: runs[i].folder, weights: runs[i].manifest.options.weights, sha256: runs[i].manifest.model.sha256 },
    ...{ finished: runs[i].finished, failures: indices[i].failures, detections },
  });
  const measured = {
    limits: Object.fromEntries(
      Object.entries(limits).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    runs: { a: facts(0, counts.paired + counts.lost), b: facts(1, counts.paired + counts.gained) },
    ...{ images, counts, medians: mediansOf(compared), pairs, lost, gained },
  };
  const problems = problemsOf(measured, limits);
  return { passed: problems.length === 0, problems, notes: [...notes, ...notesOn(measured)], ...measured };
}

function notesOn({ runs, images, counts }: Pick<Comparison, "runs" | "images" | "counts">): string[] {
  const unfinished = Object.values(runs).flatMap(({ folder, finished }) =>
    finished ? [] : [`The run ${folder} is not finished. Only its finished part is compared.`],
  );
  const more = images.onlyInB.length;
  const mapless = counts.paired - counts.compared;
  return [
    ...unfinished,
    ...(more === 0 ? [] : [`Images only in the second run: ${more}. They are not compared.`]),
    ...(mapless === 0
      ? []
      : [
          `Detections without a map of their own in both runs: ${mapless}. Make both runs with --per detection (the default) and the same --class-names.`,
        ]),
  ];
}

function mediansOf(figures: readonly Figures[]): Comparison["medians"] {
  if (figures.length === 0) return null;
  const of = (name: Exclude<keyof Figures, "inBoxChange">) => median(figures.map((one) => one[name]));
  const changes = figures.flatMap(({ inBoxChange }) => (inBoxChange === null ? [] : [inBoxChange]));
  return {
    ...{ correlation: of("correlation"), overlap: of("overlap") },
    ...{ shift: of("shift"), inBoxChange: changes.length === 0 ? null : median(changes) },
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return rounded((sorted[Math.floor(half)]! + sorted[Math.ceil(half) - 1]!) / 2);
}

function nothingInCommon([a, b]: Both<OpenRun>): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `No image is in both runs: ${a.folder} and ${b.folder}. Images are matched by their source, their file name, or their content. Run both models on the same images.`,
  );
}

function tooMany(): WhyboxError {
  const message = `The runs have more than ${MAX_DETECTIONS} detections. Compare parts of them, or raise --conf and run again.`;
  return new WhyboxError("limit", message);
}
