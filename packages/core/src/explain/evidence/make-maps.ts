import type { Layer } from "../../detector/layer.js";
import { throwIfAborted } from "../../errors.js";
import type { Evidence, Setting } from "../../methods/method.js";
import type { Search } from "../../methods/search/found.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { LayerGradients } from "../passes/gradients.js";
import type { MapNote, Searched } from "../result/result.js";
import { ASKED } from "../targets/detection-score.js";
import type { MapTask, ScoredTargets } from "../targets/score-targets.js";
import { runsOf, runsOfMap } from "./count-runs.js";
import { EvidenceSource } from "./evidence-source.js";
import type { TaskGradients } from "./task-gradients.js";

/** The maps that the method returns: signed, of any size. */
export interface RawMaps {
  /** For each task: one map per layer, or a single map if the method reads no layer. */
  readonly byTask: readonly (readonly Map2D[])[];
  readonly notes: readonly MapNote[];
  /** How the maps of a method that searches were found. */
  readonly searched: readonly Searched[];
  /** Values of layers whose activations have NaN or infinity. */
  readonly nonFinite: ReadonlySet<string>;
}

/** Computes the gradients and the other evidence of each task and layer, and calls the method for the map. */
export async function makeMaps(
  job: ExplainJob,
  forward: ForwardResult,
  scored: ScoredTargets,
  gradients: TaskGradients,
): Promise<RawMaps> {
  const { options, signal, progress } = job;
  const source = new EvidenceSource(job, forward, scored);
  const notes: MapNote[][] = scored.tasks.map(() => []);
  const searched: Searched[][] = scored.tasks.map(() => []);
  const makeMap = async (t: number, layer: Layer | undefined, known: LayerGradients) => {
    throwIfAborted(signal);
    const task = scored.tasks[t]!;
    const gathered = await source.gather({ task, layer, gradients: known });
    const report = reporter(notes[t]!, task, layer);
    const tell = (found: Search) => searched[t]!.push({ ...found, ...named(task) });
    const evidence = { ...gathered, ...settingOf(job, forward), report, tell } as Evidence & Setting;
    if (!options.eigenSmooth) return options.method.map(evidence);
    return smoothedMap(evidence, job, (size) => source.scoreMap(task, size));
  };
  const makeAll = async () => {
    const byTask: Map2D[][] = scored.tasks.map(() => []);
    // Each map is made as soon as its gradients are known, so that they are not all in memory.
    for await (const [t, known] of gradients.byTask) {
      const { layers } = scored.tasks[t]!;
      const maps = byTask[t]!;
      const isOne = layers.length === 0 || job.plan.needs.has("depths");
      for (const layer of isOne ? [undefined] : layers) {
        const make = async () => makeMap(t, layer, known);
        const isShared = options.method.sharesRuns === true;
        maps.push(await (isShared ? make() : progress.share(runsOfMap(job, forward, layer), make)));
      }
    }
    return byTask;
  };
  const byTask = await progress.share(runsOf(job, forward, scored), makeAll).finally(() => source.dispose());
  throwIfAborted(signal);
  return { byTask, notes: notes.flat(), searched: searched.flat(), nonFinite: source.nonFinite };
}

/** The first principal component of the channels' contributions, instead of their sum. */
async function smoothedMap(
  evidence: Evidence & Setting,
  { options }: ExplainJob,
  scoreMap: (size: readonly [number, number]) => Map2D,
): Promise<Map2D> {
  const contributions = await options.method.channels!(evidence);
  const { firstComponent } = await import("../../algebra/principal-component.js");
  const { map, gap } = firstComponent(contributions, scoreMap(contributions.dims.slice(1) as [number, number]));
  evidence.report("spectral gap", gap);
  return map;
}

function settingOf({ options }: ExplainJob, { letterbox }: ForwardResult): Omit<Setting, "report" | "tell"> {
  const { compat, seed, samples, budget, ablateTo } = options;
  return { inputSize: letterbox.inputSize, compat, seed, samples, budget, ablateTo };
}

/** The detections of a task, as results name them. */
function named({ entries }: MapTask): Pick<Searched, "detections" | "className"> {
  const found = entries.map(({ detection }) => detection);
  return {
    detections: found.map(({ index }) => index).filter((index) => index !== ASKED),
    className: found[0]!.className,
  };
}

/** Returns a callback that collects the notes of a method on one map. */
function reporter(notes: MapNote[], { entries }: MapTask, layer: Layer | undefined): Setting["report"] {
  const detections = entries.map((entry) => entry.detection.index);
  return (name, value) => notes.push({ name, value, layer: layer?.name, detections });
}
