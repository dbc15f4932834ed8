import { type AskedBox, type ExplainOptions, WhyboxError } from "@whybox/core";
import { kindNumber, type MissAnswer, packMaps, type Row } from "@whybox/report";
import type { Detector, Device, LoadOptions } from "../api.js";
import { heatIn, mapAround, wholeMap } from "../runs/measure.js";
import { count } from "../words.js";
import { type Collected, setMaps, withHeat } from "./collect.js";
import type { OpenRun } from "./read-run.js";

export interface AskOptions {
  loadDetector(weights: string, options: LoadOptions): Promise<Detector>;
  /** Maximum number of missed objects to explain. The largest come first. */
  readonly max: number;
  readonly signal?: AbortSignal;
  readonly onMiss?: (done: number, total: number) => void;
}

export interface AskedMisses {
  readonly answers: readonly MissAnswer[];
  readonly notes: readonly string[];
}

/** Explains missed objects with the model, as `--box` does. Their rows get a score and a map. The notes report a missing model or image.
 * @throws aborted
 */
export async function askMisses(run: OpenRun, collected: Collected, options: AskOptions): Promise<AskedMisses> {
  const missed = collected.rows.map((_, i) => i).filter((i) => isAskable(collected, i));
  if (missed.length === 0 || options.max === 0) return { answers: [], notes: [] };
  const chosen = missed.sort((a, b) => areaOf(collected.rows[b]!) - areaOf(collected.rows[a]!)).slice(0, options.max);
  const detector = await load(run, options);
  if (typeof detector === "string") return { answers: [], notes: [detector] };
  try {
    return await ask(run, collected, { ...options, chosen, detector, total: missed.length });
  } finally {
    await detector.dispose();
  }
}

function isAskable({ rows, images }: Collected, number: number): boolean {
  const row = rows[number]!;
  return row.kind === kindNumber("missed") && images[row.image]!.location !== undefined;
}

/** Loads the detector. Returns a note if that fails. */
async function load(run: OpenRun, { loadDetector, signal }: AskOptions): Promise<Detector | string> {
  const { options, model } = run.manifest;
  const without = "Missed objects are not explained";
  try {
    const detector = await loadDetector(options.weights, {
      device: options.device as Device,
      ...(options.anchors === undefined ? {} : { anchors: options.anchors }),
      ...(options.names === null ? {} : { names: options.names }),
      ...inputOf(options),
      ...(signal === undefined ? {} : { signal }),
    });
    if (detector.report.sha256 === model.sha256) return detector;
    await detector.dispose();
    return `${without}: the model at ${options.weights} has changed since the run.`;
  } catch (error) {
    if (!(error instanceof WhyboxError) || error.code === "aborted") throw error;
    return `${without}: ${error.message}`;
  }
}

function inputOf(options: OpenRun["manifest"]["options"]): Pick<LoadOptions, "input"> {
  const { input } = options as { input?: LoadOptions["input"] | null };
  return input === undefined || input === null ? {} : { input };
}

/** Options of the run that cannot be used with a given box. */
const others = ["per", "classNames", "backwardPerClass", "versus"];

async function ask(
  run: OpenRun,
  collected: Collected,
  options: AskOptions & { readonly chosen: readonly number[]; readonly detector: Detector; readonly total: number },
): Promise<AskedMisses> {
  const answers: MissAnswer[] = [];
  const given = Object.entries(run.manifest.options.explain).filter(([name]) => !others.includes(name));
  const failed: string[] = [];
  for (const [done, number] of options.chosen.entries()) {
    options.onMiss?.(done, options.chosen.length);
    const answer = await askOne(collected, number, Object.fromEntries(given), options);
    if (typeof answer === "string") failed.push(answer);
    else answers.push(answer);
  }
  options.onMiss?.(options.chosen.length, options.chosen.length);
  const notes = [];
  const rest = options.total - options.chosen.length;
  if (rest > 0)
    notes.push(
      `${count(rest, "smaller missed object is", "smaller missed objects are")} not explained. Raise --misses to explain them.`,
    );
  if (failed.length > 0)
    notes.push(
      `${count(failed.length, "missed object", "missed objects")} could not be explained. The first: ${failed[0]}`,
    );
  return { answers: answers.sort((a, b) => a.row - b.row), notes };
}

async function askOne(
  { rows, images }: Collected,
  number: number,
  given: Readonly<Record<string, unknown>>,
  { detector, signal }: AskOptions & { readonly detector: Detector },
): Promise<MissAnswer | string> {
  const row = rows[number]!;
  const image = images[row.image]!;
  const className = detector.report.classNames[row.class]!;
  const box: AskedBox = { x1: row.x1, y1: row.y1, x2: row.x2, y2: row.y2, className };
  const explain = { ...given, box, ...(signal === undefined ? {} : { signal }) } as ExplainOptions;
  const result = await detector.explain(image.location!, explain).catch((error: unknown) => {
    if (error instanceof WhyboxError && error.code !== "aborted") return error.message; // The notes report it.
    throw error;
  });
  if (typeof result === "string") return result;
  const [height, width] = image.size;
  const { heatmap } = result;
  const asked = result.asked!;
  if (heatmap.height !== height || heatmap.width !== width) return `${image.source} has changed since the run.`;
  const heat = heatIn(box, heatmap, result.empty === undefined ? 1 : 0);
  const maps = { whole: wholeMap(heatmap), box: mapAround(heatmap, box) };
  rows[number] = withHeat({ ...row, score: asked.confidence }, heat, maps.whole);
  setMaps(image, row.place, packMaps(maps, { box: [box.x1, box.y1, box.x2, box.y2], size: image.size }));
  const { verdict, bestClassName, bestClassProbability } = asked;
  return { row: number, verdict, bestClass: bestClassName, bestProbability: bestClassProbability };
}

function areaOf({ x1, y1, x2, y2 }: Row): number {
  return (x2 - x1) * (y2 - y1);
}
