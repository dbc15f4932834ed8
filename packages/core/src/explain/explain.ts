import type { Detection, Predictions } from "../detector/detection.js";
import type { Layer } from "../detector/layer.js";
import type { Letterbox } from "../image/frame.js";
import { unletterbox } from "../image/frame-map.js";
import type { RuntimeTensor } from "../runtime/port.js";
import { evaluateScore } from "../scores/index.js";
import type { Score, ScoreResult } from "../scores/score.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import { diagnoseEmpty, diagnoseLayers } from "./diagnose.js";
import { readFloats, runBackward, sumGradients } from "./evidence.js";
import { combine, finishLayers } from "./finish.js";
import type { LoadedModel } from "./loaded-model.js";
import { levelsBehind, type PlanContext, type TapPlan } from "./plan.js";
import type { ResolvedExplainOptions } from "./resolve-options.js";
import type { EmptyReason, LayerDiagnosis, ScoreReport } from "./result.js";

/** One map to make: some detections and the layers to read. */
interface Unit {
  readonly detections: readonly Detection[];
  readonly layers: readonly Layer[];
}

/** What an explanation starts from: the forward pass is done. */
export interface ForwardResult {
  readonly plan: TapPlan;
  readonly letterbox: Letterbox;
  readonly predictions: Predictions;
  readonly detections: readonly Detection[];
  /** Outputs of the forward session by name: activations and saved values. */
  readonly tensors: Readonly<Record<string, RuntimeTensor>>;
}

/** The maps of an image and what is to be said of them. */
export interface Explanation {
  readonly heatmap: Map2D;
  readonly heatmapInput: Map2D;
  readonly layers: readonly LayerDiagnosis[];
  readonly scores: readonly ScoreReport[];
  readonly explained: readonly number[];
  readonly empty: { readonly reason: EmptyReason; readonly message: string } | undefined;
  /** Milliseconds spent in gradients, and in the arithmetic after. */
  readonly backwardMs: number;
  readonly finishMs: number;
}

/** The score of each detection on its own, so that any group of them can be explained by adding up. */
export interface DetectionScore {
  readonly detection: Detection;
  readonly score: Score;
  readonly result: ScoreResult;
  /** Levels of the rows that carry the score. */
  readonly levels: readonly number[];
}

/** All explanations of one image, added up as the reference does: over items and classes, then by the maximum. */
export async function explainImage(
  loaded: LoadedModel,
  forward: ForwardResult,
  options: ResolvedExplainOptions,
  auto: boolean,
  layers: readonly Layer[],
  explained: readonly Detection[],
  signal?: AbortSignal,
): Promise<Explanation> {
  const scored = options.scores.map((score) =>
    explained.map((detection) => scoreOf(loaded, forward, score, detection, options.topk)),
  );
  const groups = options.backwardPerClass ? byClass(explained) : [explained];
  const started = performance.now();
  const gradientMax = new Map<string, number>();
  const parts: Map2D[] = [];
  const reports: ScoreReport[] = [];
  let backwardMs = 0;
  if (explained.length > 0) {
    for (const [s, score] of options.scores.entries()) {
      for (const group of groups) {
        const entries = scored[s]!.filter(({ detection }) => group.includes(detection));
        const maps: Map2D[] = [];
        for (const unit of auto ? byLevel(loaded, layers, group) : [{ detections: group, layers }]) {
          const before = performance.now();
          const evidence = await gatherEvidence(loaded, forward, unit, entries, options, gradientMax, signal);
          backwardMs += performance.now() - before;
          for (const one of evidence) maps.push(await options.method.map(one));
        }
        parts.push(finishLayers(maps, forward.letterbox.inputSize));
        reports.push(reportOf(score, group, entries, options.backwardPerClass));
      }
    }
  }
  const heatmapInput = parts.length > 0 ? combine(parts) : zeros(forward.letterbox.inputSize);
  const context = planContext(loaded);
  const layerReports = diagnoseLayers(context, layers, auto, explained, scored.flat(), gradientMax, forward);
  const heatmap = unletterbox(heatmapInput, forward.letterbox);
  return {
    heatmap,
    heatmapInput,
    layers: layerReports,
    scores: reports,
    explained: explained.map((detection) => detection.index),
    empty: diagnoseEmpty(forward.detections, explained, options, scored.flat(), heatmapInput, layerReports),
    backwardMs,
    finishMs: performance.now() - started - backwardMs,
  };
}

export function planContext(loaded: LoadedModel): PlanContext {
  return { model: loaded.model, head: loaded.head, rules: loaded.rules, forwardValues: loaded.forwardValues };
}

function scoreOf(
  loaded: LoadedModel,
  forward: ForwardResult,
  score: Score,
  detection: Detection,
  topk: number,
): DetectionScore {
  const target = { boxInput: detection.boxInput, classIndex: detection.classIndex, row: detection.row };
  const result = evaluateScore(score, forward.predictions, [target], { topk });
  const levels = new Set(result.rows.map((row) => loaded.head.originOf(row, forward.letterbox.inputSize).level));
  return { detection, score, result, levels: [...levels].sort((a, b) => a - b) };
}

/** Detections by class, classes in order of their best detection. */
function byClass(detections: readonly Detection[]): (readonly Detection[])[] {
  const classes = [...new Set(detections.map((detection) => detection.classIndex))];
  return classes.map((classIndex) => detections.filter((detection) => detection.classIndex === classIndex));
}

/** With `layer: "auto"` each detection is read at the head input of the level that found it. */
function byLevel(loaded: LoadedModel, layers: readonly Layer[], detections: readonly Detection[]): Unit[] {
  return loaded.head.levels.flatMap((level, index) => {
    const found = detections.filter((detection) => detection.level === index);
    const layer = layers.find((candidate) => candidate.value === level.input);
    return found.length > 0 && layer ? [{ detections: found, layers: [layer] }] : [];
  });
}

/** Activations and gradients of a unit, one entry per layer. */
async function gatherEvidence(
  loaded: LoadedModel,
  forward: ForwardResult,
  unit: Unit,
  entries: readonly DetectionScore[],
  options: ResolvedExplainOptions,
  gradientMax: Map<string, number>,
  signal?: AbortSignal,
): Promise<{ activations: Tensor; gradients: Tensor }[]> {
  const mine = entries.filter(({ detection }) => unit.detections.includes(detection));
  const gradients = options.method.needs.includes("gradients")
    ? await gradientsOf(loaded, forward, unit.layers, mine, signal)
    : new Map();
  const evidence = [];
  for (const layer of unit.layers) {
    const name = forward.plan.activations.get(layer.value)!;
    const { dims, data } = await readFloats(name, forward.tensors[name]!);
    const activations: Tensor = { dims: dims.slice(1), data };
    const found: Tensor | undefined = gradients.get(layer.value);
    if (found) gradientMax.set(layer.value, Math.max(gradientMax.get(layer.value) ?? 0, absMax(found.data)));
    evidence.push({ activations, gradients: found ?? { dims: activations.dims, data: new Float32Array(data.length) } });
  }
  return evidence;
}

async function gradientsOf(
  loaded: LoadedModel,
  forward: ForwardResult,
  layers: readonly Layer[],
  entries: readonly DetectionScore[],
  signal?: AbortSignal,
): Promise<Map<string, Tensor>> {
  const context = planContext(loaded);
  const reach = new Set(layers.flatMap((layer) => [...levelsBehind(context, layer)]));
  const levels = [...new Set(entries.flatMap((entry) => entry.levels))]
    .filter((level) => reach.has(level))
    .sort((a, b) => a - b);
  const backward = levels.length === 0 ? null : forward.plan.backward(layers, levels);
  if (backward === null) return new Map();
  const { head } = loaded;
  const results = entries.map((entry) => entry.result);
  return runBackward({
    runtime: loaded.runtime,
    session: await loaded.sessions.get(`backward\n${backward.key}`, () => backward.model.model, signal),
    backward,
    predictions: forward.predictions,
    seed: sumGradients(results, forward.predictions.columns),
    saved: forward.tensors,
    rangeOf: (value) => {
      const level = head.levels.findIndex(({ rows }) => rows === value);
      return level < 0 ? [0, forward.predictions.rows] : head.rowRange(level, forward.letterbox.inputSize);
    },
    signal,
  });
}

function reportOf(
  score: Score,
  group: readonly Detection[],
  entries: readonly DetectionScore[],
  perClass: boolean,
): ScoreReport {
  return {
    backprop: score.id,
    className: perClass ? (group[0]?.className ?? null) : null,
    value: entries.reduce((sum, entry) => sum + entry.result.value, 0),
    withoutScore: entries.filter((entry) => entry.result.terms[0] === null).map((entry) => entry.detection.index),
  };
}

function absMax(data: Float32Array): number {
  let most = 0;
  for (let i = 0; i < data.length; i++) {
    const size = Math.abs(data[i]!);
    if (size > most) most = size;
  }
  return most;
}

function zeros([height, width]: readonly [number, number]): Map2D {
  return { height, width, data: new Float32Array(height * width) };
}
