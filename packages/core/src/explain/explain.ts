import type { Detection } from "../detector/detection.js";
import { unletterbox } from "../image/frame-map.js";
import type { Score } from "../scores/score.js";
import type { Map2D } from "../tensor/tensor.js";
import { smoothedMaps } from "./aug-smooth.js";
import { diagnoseEmpty, diagnoseLayers } from "./diagnose.js";
import { combine, keepTop, largest, maximumOf, mean, overMaximum } from "./finish.js";
import { planContext } from "./loaded-model.js";
import { type GroupMaps, type MapJob, makeMaps } from "./maps.js";
import { allFinite, firstNonFinite } from "./non-finite.js";
import type { ResolvedExplainOptions } from "./resolve-options.js";
import type { DetectionMap, EmptyReason, LayerDiagnosis, MapNote, ScoreReport } from "./result.js";
import { ASKED, counted, type DetectionScore } from "./scored.js";

/** The maps of an image and what is to be said of them. */
export interface Explanation {
  readonly heatmap: Map2D;
  readonly heatmapInput: Map2D;
  readonly maps: readonly DetectionMap[];
  readonly notes: readonly MapNote[];
  readonly layers: readonly LayerDiagnosis[];
  readonly scores: readonly ScoreReport[];
  readonly explained: readonly number[];
  readonly empty: { readonly reason: EmptyReason; readonly message: string } | undefined;
  /** Milliseconds spent in gradients, and in everything else after the forward pass. */
  readonly backwardMs: number;
  readonly finishMs: number;
}

/**
 * All explanations of one image: `targets` are the detections asked for, or one box that a person drew; `pixels` makes the input again,
 * for telling where values that are not finite come from.
 */
export async function explainImage(
  job: Omit<MapJob, "groups">,
  detections: readonly Detection[],
  targets: readonly Detection[],
  pixels: () => Float32Array,
): Promise<Explanation> {
  const started = performance.now();
  const { loaded, forward, options, plan } = job;
  const groups = groupsOf(targets, options);
  const common = options.scale === "common";
  const full = { ...job, groups };
  const made =
    options.augSmooth && groups.length > 0 ? await smoothedMaps(full, !common) : await makeMaps(full, !common);
  const reports = made.scored.flatMap((scored, s) =>
    groups.map((group) => reportOf(options.scores[s]!, group, scored, options.backwardPerClass)),
  );
  const { heatmapInput, maps } = options.per === "image" ? imageMap(made, job) : separateMaps(made, groups, job);
  const kept = keepTop(heatmapInput, options.keepTopPercent);
  const predictions = detections.length === 0 && !allFinite(forward.predictions.data);
  const { inputSize } = forward.letterbox;
  const origin =
    predictions || made.nonFinite.size > 0 ? await firstNonFinite(loaded, pixels(), inputSize, job.signal) : undefined;
  const trouble = { layers: made.nonFinite, predictions, origin };
  const layers = diagnoseLayers(
    planContext(loaded),
    plan,
    targets,
    made.scored.flat(),
    made.gradientMax,
    forward,
    options.method,
    trouble,
  );
  return {
    heatmap: unletterbox(kept, forward.letterbox),
    heatmapInput: kept,
    maps,
    notes: made.notes,
    layers,
    scores: reports,
    explained: targets.map((detection) => detection.index).filter((index) => index !== ASKED),
    empty: diagnoseEmpty(detections, targets, options, made.scored.flat(), kept, layers, trouble),
    backwardMs: made.backwardMs,
    finishMs: performance.now() - started - made.backwardMs,
  };
}

function groupsOf(targets: readonly Detection[], { per, backwardPerClass }: ResolvedExplainOptions): Detection[][] {
  if (targets.length === 0) return [];
  if (per === "detection") return targets.map((target) => [target]);
  if (per === "class" || backwardPerClass) return byClass(targets);
  return [[...targets]];
}

/** Detections by class, classes in order of their best detection. */
function byClass(detections: readonly Detection[]): Detection[][] {
  const classes = [...new Set(detections.map((detection) => detection.classIndex))];
  return classes.map((classIndex) => detections.filter((detection) => detection.classIndex === classIndex));
}

/** One map as the reference makes it: added up over scores (where the method does not say otherwise) and classes, over its maximum. */
function imageMap(
  { maps }: GroupMaps,
  { forward, options }: Omit<MapJob, "groups">,
): { heatmapInput: Map2D; maps: DetectionMap[] } {
  const parts = options.method.merge === "max" ? maps.map(largest) : maps.flat();
  const [height, width] = forward.letterbox.inputSize;
  const heatmapInput = parts.length > 0 ? combine(parts) : { height, width, data: new Float32Array(height * width) };
  return { heatmapInput, maps: [] };
}

/** A map for each group, and the largest of them at each pixel for the image. */
function separateMaps(
  { maps: perGroup, maxima: raw }: GroupMaps,
  groups: readonly (readonly Detection[])[],
  { forward, options }: Omit<MapJob, "groups">,
): { heatmapInput: Map2D; maps: DetectionMap[] } {
  const merge = options.method.merge === "max" ? largest : mean;
  const inputs = perGroup.map((maps) => merge(maps));
  const maxima = inputs.map(maximumOf);
  const most = Math.max(0, ...maxima);
  const maps = inputs.map((map, i): DetectionMap => {
    const scaled = keepTop(overMaximum(map, options.scale === "common" ? most : maxima[i]!), options.keepTopPercent);
    const detections = groups[i]!.map((detection) => detection.index);
    const heatmap = unletterbox(scaled, forward.letterbox);
    const frames = options.frames === "both" ? { heatmap, heatmapInput: scaled } : { heatmap };
    return { detections, className: groups[i]![0]!.className, ...frames, maximum: Math.max(...raw[i]!) };
  });
  const [height, width] = forward.letterbox.inputSize;
  const empty = { height, width, data: new Float32Array(height * width) };
  return { heatmapInput: largest([empty, ...inputs]), maps };
}

function reportOf(
  score: Score,
  group: readonly Detection[],
  scored: readonly DetectionScore[],
  perClass: boolean,
): ScoreReport {
  const mine = counted(score, group);
  const entries = scored.filter(({ detection }) => mine.includes(detection));
  return {
    backprop: score.id,
    className: perClass ? (group[0]?.className ?? null) : null,
    detections: group.map((detection) => detection.index),
    value: entries.reduce((sum, entry) => sum + entry.result.value, 0),
    withoutScore: entries.filter((entry) => entry.result.terms[0] === null).map((entry) => entry.detection.index),
  };
}
