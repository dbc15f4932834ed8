import { firstComponent } from "../../algebra/principal-component.js";
import type { Detection } from "../../detector/detection.js";
import type { Layer } from "../../detector/layer.js";
import { throwIfAborted, WhyboxError } from "../../errors.js";
import { allFinite, rangeOf } from "../../kernels/range.js";
import { channelMeans } from "../../methods/channels.js";
import { readsGradients, readsMeansOnly } from "../../methods/index.js";
import type { Evidence, Setting } from "../../methods/method.js";
import type { Score } from "../../scores/score.js";
import type { Map2D, Tensor } from "../../tensor/tensor.js";
import { finishLayers } from "../finish/finish.js";
import { applied, type FinishedMap, maximumOf } from "../finish/finished-map.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import { readFloats } from "../passes/backward-run.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import { type GradientRequest, gradientsOf } from "../passes/gradients.js";
import type { ExplainPlan } from "../plan/explain-plan.js";
import type { MapNote } from "../result/result.js";
import { counted, type DetectionScore, scoreOf } from "../targets/scored.js";
import { MaskedRuns } from "./masked.js";
import { inputLayer, openBiases, openPixels } from "./pixels.js";
import { classMaps, placesOf, scoreMap } from "./score-map.js";
import { curvatureOf, openTail, type TailRequest } from "./tail.js";

/** What is made from one forward pass. */
export interface MapJob {
  readonly loaded: LoadedModel;
  readonly plan: ExplainPlan;
  readonly forward: ForwardResult;
  readonly options: ResolvedExplainOptions;
  /** Detections that are explained together. */
  readonly groups: readonly (readonly Detection[])[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a map at input size, the same every time, scaled to 0..1 unless that was not asked for: maps of many detections need not be there at once.
 * It may be made in `into`, which has as many values.
 */
export type MapMaker = (into?: Float32Array) => FinishedMap;

export interface GroupMaps {
  /** Per group its maps, one for each score. */
  readonly maps: readonly (readonly MapMaker[])[];
  /** Per group and score the largest value of the method's raw maps. */
  readonly maxima: readonly (readonly number[])[];
  /** Per score the detections of all groups. */
  readonly scored: readonly DetectionScore[][];
  /** Layer value → its largest absolute gradient. */
  readonly gradientMax: ReadonlyMap<string, number>;
  readonly notes: readonly MapNote[];
  /** Layer value → what of it holds NaN or infinity. */
  readonly nonFinite: ReadonlyMap<string, "activations" | "gradients">;
  readonly backwardMs: number;
}

/** One map of some layers: a group, or the part of it that one level found. */
interface Task {
  readonly group: number;
  readonly score: Score;
  readonly entries: readonly DetectionScore[];
  readonly layers: readonly Layer[];
}

/** The maps of every group under every score. With `scaled` false they keep the size of their values, to be compared. */
export async function makeMaps(job: MapJob, scaled: boolean): Promise<GroupMaps> {
  const { loaded, forward, plan, options, groups, signal } = job;
  const explained = [...new Set(groups.flat())];
  const scored = options.scores.map((score) =>
    explained.map((detection) => scoreOf(loaded, forward, score, detection, options)),
  );
  const tasks = options.scores.flatMap((score, s) =>
    groups.flatMap((group, g) => {
      return plan.route(group).map(({ detections, layers }) => {
        // Of each part anew: a class is read at every level that found it.
        const mine = counted(score, detections);
        const entries = scored[s]!.filter(({ detection }) => mine.includes(detection));
        return { group: g, score, entries, layers };
      });
    }),
  );
  const started = performance.now();
  const gradients = await taskGradients(job, tasks);
  const backwardMs = performance.now() - started;
  const gradientMax = new Map<string, number>();
  const notes: MapNote[] = [];
  const nonFinite = new Map<string, "activations" | "gradients">();
  const source = new EvidenceSource(job, explained, notes, nonFinite);
  const found = groups.map(() => options.scores.map((): Map2D[] => []));
  const maxima = groups.map(() => options.scores.map(() => 0));
  const means = readsMeansOnly(options.method);
  for (const [t, task] of tasks.entries()) {
    for (const [value, { data }] of gradients[t]!) {
      const most = means ? data.at(-1)! : absMax(data);
      gradientMax.set(value, Math.max(gradientMax.get(value) ?? 0, most));
      if (!allFinite(data)) nonFinite.set(value, "gradients");
    }
    const score = options.scores.indexOf(task.score);
    const maps = found[task.group]![score]!;
    const made: Map2D[] = [];
    for (const layer of task.layers.length > 0 ? task.layers : [undefined]) {
      made.push(await source.map(task, layer, gradients[t]!));
    }
    maxima[task.group]![score] = Math.max(maxima[task.group]![score]!, ...made.map((values) => maximumOf({ values })));
    const { fuse } = options.method;
    const { inputSize } = forward.letterbox;
    if (fuse) maps.push(applied(finishLayers(made, { inputSize, isScaled: scaled, fuse })));
    else maps.push(...made);
  }
  const finished = found.map((perScore) =>
    perScore.map(
      (raw): MapMaker =>
        (into) =>
          finishLayers(raw, { inputSize: forward.letterbox.inputSize, isScaled: scaled, into }),
    ),
  );
  throwIfAborted(signal);
  return { maps: finished, maxima, scored, gradientMax, notes, nonFinite, backwardMs };
}

async function taskGradients(job: MapJob, tasks: readonly Task[]): Promise<readonly ReadonlyMap<string, Tensor>[]> {
  const { loaded, forward, plan, options, signal } = job;
  if (!readsGradients(options.method)) return tasks.map(() => new Map());
  const requests = tasks.map(
    ({ layers, entries }): GradientRequest => ({
      layers,
      results: entries.map((entry) => entry.result),
      levels: [...new Set(entries.flatMap((entry) => entry.levels))],
    }),
  );
  return gradientsOf(loaded, forward, plan.main, requests, signal);
}

/** Makes what methods ask for, and asks them. */
class EvidenceSource {
  readonly #job: MapJob;
  readonly #notes: MapNote[];
  readonly #nonFinite: Map<string, "activations" | "gradients">;
  readonly #activations = new Map<string, Promise<Tensor>>();
  readonly #masked: MaskedRuns;

  constructor(
    job: MapJob,
    explained: readonly Detection[],
    notes: MapNote[],
    nonFinite: Map<string, "activations" | "gradients">,
  ) {
    this.#job = job;
    this.#notes = notes;
    this.#nonFinite = nonFinite;
    this.#masked = new MaskedRuns(job.loaded, job.forward, explained, job.signal);
  }

  /** The method's raw signed map. */
  async map(task: Task, layer: Layer | undefined, gradients: ReadonlyMap<string, Tensor>): Promise<Map2D> {
    const { method, eigenSmooth } = this.#job.options;
    const evidence = { ...(await this.#gather(task, layer, gradients)), ...this.#setting(task, layer) };
    if (!eigenSmooth) return method.map(evidence as Evidence & Setting);
    const contributions = await method.channels!(evidence as Evidence & Setting);
    const size = contributions.dims.slice(1) as [number, number];
    const { map, gap } = firstComponent(contributions, this.#scoreMap(task, size));
    evidence.report("spectral gap", gap);
    return map;
  }

  async #gather(
    task: Task,
    layer: Layer | undefined,
    gradients: ReadonlyMap<string, Tensor>,
  ): Promise<Partial<Evidence>> {
    const { options, loaded, forward, plan, signal } = this.#job;
    const { inputSize } = forward.letterbox;
    const detections = task.entries.map((entry) => entry.detection);
    const needs = new Set<keyof Evidence>(options.method.needs);
    const evidence: { -readonly [K in keyof Evidence]?: Evidence[K] } = {};
    let size: readonly [number, number] = inputSize;
    if (layer !== undefined) {
      const activations = await this.#activationsOf(layer);
      size = activations.dims.slice(1) as [number, number];
      if (needs.has("activations")) evidence.activations = activations;
      if (needs.has("gradients")) evidence.gradients = gradients.get(layer.value) ?? zerosLike(activations);
      if (needs.has("gradientMeans")) {
        const found = gradients.get(layer.value);
        // Of the means alone, the largest value comes behind them.
        if (found === undefined) evidence.gradientMeans = new Float32Array(activations.dims[0]!);
        else if (readsMeansOnly(options.method)) evidence.gradientMeans = found.data.subarray(0, -1);
        else evidence.gradientMeans = new Float32Array(channelMeans(found));
      }
      if (needs.has("tail")) evidence.tail = await openTail(this.#tail(task, layer, activations));
      if (needs.has("curvature")) evidence.curvature = await curvatureOf(this.#tail(task, layer, activations));
    }
    if (needs.has("scoreMap")) evidence.scoreMap = this.#scoreMap(task, size);
    if (needs.has("places")) evidence.places = placesOf(detections, size, inputSize);
    if (needs.has("classMaps")) evidence.classMaps = classMaps(loaded.head, forward.predictions, inputSize);
    if (needs.has("masked")) evidence.masked = await this.#masked.open(task.score, detections, options);
    if (needs.has("pixels"))
      evidence.pixels = openPixels(loaded, plan.main, plan.forward, forward, task.entries, options, signal);
    if (needs.has("biases")) evidence.biases = await openBiases(loaded, plan.main, forward, task.entries, signal);
    if (needs.has("guidedGradients")) evidence.guidedGradients = await this.#guided(task);
    return evidence;
  }

  #setting(task: Task, layer: Layer | undefined): Setting {
    const { options, forward } = this.#job;
    return {
      inputSize: forward.letterbox.inputSize,
      compat: options.compat,
      seed: options.seed,
      samples: options.samples,
      ablateTo: options.ablateTo,
      report: (name, value) => {
        const detections = task.entries.map((entry) => entry.detection.index);
        this.#notes.push({ name, value, layer: layer?.name, detections });
      },
    };
  }

  /** Read once, however many explanations share the layer. */
  #activationsOf(layer: Layer): Promise<Tensor> {
    const { forward, plan } = this.#job;
    const known = this.#activations.get(layer.value);
    if (known) return known;
    const name = plan.main.activations.get(layer.value);
    if (name === undefined) throw new WhyboxError("internal", `Layer "${layer.value}" was not tapped.`);
    const read = readFloats(name, forward.tensors[name]!).then(({ dims, data }) => {
      if (!allFinite(data)) this.#nonFinite.set(layer.value, "activations");
      return { dims: dims.slice(1), data };
    });
    this.#activations.set(layer.value, read);
    return read;
  }

  #scoreMap(task: Task, size: readonly [number, number]): Map2D {
    const { loaded, forward } = this.#job;
    const detections = task.entries.map((entry) => entry.detection);
    return scoreMap(loaded.head, forward.predictions, forward.letterbox.inputSize, detections, size);
  }

  #tail(task: Task, layer: Layer, activations: Tensor): TailRequest {
    const { loaded, forward, plan, options, signal } = this.#job;
    const detections = task.entries.map((entry) => entry.detection);
    const tail = plan.main.tail(layer);
    return { loaded, forward, plan: plan.main, tail, activations, score: task.score, detections, options, signal };
  }

  async #guided(task: Task): Promise<Tensor> {
    const { loaded, forward, plan, signal } = this.#job;
    const layer = inputLayer(loaded);
    const request = {
      layers: [layer],
      results: task.entries.map((entry) => entry.result),
      levels: [...new Set(task.entries.flatMap((entry) => entry.levels))],
    };
    const [found] = await gradientsOf(loaded, forward, plan.guided!, [request], signal);
    const dims = [3, ...forward.letterbox.inputSize];
    return found!.get(layer.value) ?? { dims, data: new Float32Array(dims[0]! * dims[1]! * dims[2]!) };
  }
}

function zerosLike({ dims, data }: Tensor): Tensor {
  return { dims, data: new Float32Array(data.length) };
}

function absMax(data: Float32Array): number {
  const { low, high } = rangeOf(data);
  return Math.max(0, high, -low);
}
