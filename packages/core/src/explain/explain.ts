import type { Detection } from "../detector/detection.js";
import { unletterbox, unletterboxScaled } from "../image/frame-map.js";
import { allFinite } from "../kernels/range.js";
import { once } from "../once.js";
import type { Score } from "../scores/score.js";
import type { Map2D } from "../tensor/tensor.js";
import { smoothedMaps } from "./evidence/aug-smooth.js";
import { type GroupMaps, type MapJob, type MapMaker, makeMaps } from "./evidence/maps.js";
import { diagnoseEmpty, diagnoseLayers } from "./finish/diagnose.js";
import { combine } from "./finish/finish.js";
import { applied, dividedBy, type FinishedMap, keepTop, largest, maximumOf, mean } from "./finish/finished-map.js";
import { firstNonFinite } from "./finish/non-finite.js";
import { planContext } from "./model/loaded-model.js";
import type { ResolvedExplainOptions } from "./options/resolve-options.js";
import type {
  DetectionMap,
  EmptyReason,
  ExplainResult,
  LayerDiagnosis,
  MapNote,
  ScoreReport,
} from "./result/result.js";
import { ASKED, counted, type DetectionScore } from "./targets/scored.js";

/** The maps of an image and what is to be said of them. */
export interface Explanation {
  /** The map of the whole image: where each detection has its own, made when first asked for, since a run over many pictures never does. */
  readonly image: () => ImageMap;
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

/** In image pixels, and in the network's input. */
export type ImageMap = Pick<ExplainResult, "heatmap" | "heatmapInput">;

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
  const { heatmapInput, maps, isEmpty } =
    options.per === "image" ? imageMap(made, job) : separateMaps(made, groups, job);
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
    image: once(() => ({
      heatmap: unletterbox(heatmapInput(), forward.letterbox),
      heatmapInput: heatmapInput(),
    })),
    maps,
    notes: made.notes,
    layers,
    scores: reports,
    explained: targets.map((detection) => detection.index).filter((index) => index !== ASKED),
    empty: diagnoseEmpty(detections, targets, options, made.scored.flat(), isEmpty, layers, trouble),
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

/** What the parts of an explanation make together. */
interface Joined {
  readonly heatmapInput: () => Map2D;
  readonly maps: DetectionMap[];
  readonly isEmpty: boolean;
}

/** One map as the reference makes it: added up over scores (where the method does not say otherwise) and classes, over its maximum. */
function imageMap({ maps }: GroupMaps, { forward, options }: Omit<MapJob, "groups">): Joined {
  const made = maps.map((perScore) => perScore.map((make) => make()));
  const parts = options.method.merge === "max" ? made.map(largest) : made.flat();
  const [height, width] = forward.letterbox.inputSize;
  const whole = parts.length > 0 ? combine(parts) : { height, width, data: new Float32Array(height * width) };
  const map = keepTop({ values: whole }, options.keepTopPercent).values;
  return { heatmapInput: () => map, maps: [], isEmpty: maximumOf({ values: map }) === 0 };
}

/** A map for each group, and the largest of them at each pixel for the image. One after the other is made, in the same array where nobody keeps it. */
function separateMaps(
  { maps: perGroup, maxima: raw }: GroupMaps,
  groups: readonly (readonly Detection[])[],
  { loaded, forward, options }: Omit<MapJob, "groups">,
): Joined {
  const [height, width] = forward.letterbox.inputSize;
  const merge = options.method.merge === "max" ? largest : mean;
  const isKept = options.frames === "both";
  const made = <T>(makers: readonly MapMaker[], use: (map: FinishedMap) => T, keep = false): T => {
    const array = loaded.spareMap.take(height * width);
    const used = use(merge(makers.map((make) => make(makers.length === 1 ? array : undefined))));
    if (!keep) loaded.spareMap.give(array);
    return used;
  };
  // To be compared, all are looked at before one is scaled.
  const maxima = options.scale === "common" ? perGroup.map((makers) => made(makers, maximumOf)) : [];
  const common = options.scale === "common" ? Math.max(0, ...maxima) : undefined;
  const scaled = (map: FinishedMap, high: number) => keepTop(dividedBy(map, common ?? high), options.keepTopPercent);
  const maps = perGroup.map((makers, i): DetectionMap => {
    const detections = groups[i]!.map((detection) => detection.index);
    const use = (map: FinishedMap) => {
      maxima[i] = maximumOf(map);
      const whole = scaled(map, maxima[i]!);
      if (!isKept) return { heatmap: unletterboxScaled(whole, forward.letterbox) };
      const heatmapInput = applied(whole);
      return { heatmap: unletterbox(heatmapInput, forward.letterbox), heatmapInput };
    };
    const own = made(makers, use, isKept);
    return { detections, className: groups[i]![0]!.className, ...own, maximum: Math.max(...raw[i]!) };
  });
  const heatmapInput = once(() => {
    const image: Map2D = { height, width, data: new Float32Array(height * width) };
    for (const makers of perGroup) made(makers, (map) => largest([{ values: image }, scaled(map, maximumOf(map))]));
    return keepTop({ values: image }, options.keepTopPercent).values;
  });
  // Of few pixels that are kept, the largest may not be among them.
  const isEmpty =
    options.keepTopPercent < 100 ? maximumOf({ values: heatmapInput() }) === 0 : maxima.every((high) => high === 0);
  return { heatmapInput, maps, isEmpty };
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
