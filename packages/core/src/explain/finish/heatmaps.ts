import type { Letterbox, Size } from "../../image/frame.js";
import { unletterbox, unletterboxScaled } from "../../image/frame-map.js";
import { once } from "../../once.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import type { DetectionMap, ExplainResult } from "../result/result.js";
import type { Groups } from "../targets/choose-targets.js";
import { combine } from "./finish-layers.js";
import { applied, dividedBy, type FinishedMap, keepTop, largest, maximumOf, mean } from "./finished-map.js";
import { type GroupMap, type GroupMaps, inputMap } from "./group-maps.js";

/** The maps of a result. */
export interface Heatmaps {
  /** The map of the image. If each group has its own map, it is computed on first use, because a run over many images does not read it. */
  readonly image: () => Pick<ExplainResult, "heatmap" | "heatmapInput">;
  /** With `per`: one map per group. Otherwise empty. */
  readonly maps: readonly DetectionMap[];
  /** Whether the map of the image is zero everywhere. */
  readonly isEmpty: boolean;
}

/** The data that heatmaps are made from. */
export interface HeatmapParts {
  readonly letterbox: Letterbox;
  readonly groups: Groups;
  readonly maps: GroupMaps;
  /** For each group: the largest value of its raw maps. */
  readonly maxima: readonly number[];
}

/** One map for the image, or one per group: scaled to 0..1, over the input and over the image. */
export function makeHeatmaps(job: ExplainJob, parts: HeatmapParts): Heatmaps {
  const { letterbox } = parts;
  const { heatmapInput, maps, isEmpty } = job.options.per === "image" ? imageMap(job, parts) : separateMaps(job, parts);
  const image = once(() => ({ heatmap: unletterbox(heatmapInput(), letterbox), heatmapInput: heatmapInput() }));
  return { image, maps, isEmpty };
}

/** Heatmaps, where the map of the image is over the input only. */
interface InputHeatmaps extends Omit<Heatmaps, "image"> {
  readonly heatmapInput: () => Map2D;
}

/** One map, as in the reference: the sum over scores and classes, divided by its maximum. A method with `merge: "max"` takes the maximum over scores. */
function imageMap({ options }: ExplainJob, { letterbox, maps }: HeatmapParts): InputHeatmaps {
  const { inputSize } = letterbox;
  const made = maps.map((perScore) => perScore.map((map) => inputMap(map, { inputSize, isScaled: true })));
  const parts = options.method.merge === "max" ? made.map(largest) : made.flat();
  const [height, width] = inputSize;
  const whole = parts.length > 0 ? combine(parts) : { height, width, data: new Float32Array(height * width) };
  const values = applied(keepTop({ values: whole }, options.keepTopPercent));
  return { heatmapInput: () => values, maps: [], isEmpty: maximumOf({ values }) === 0 };
}

/** One map per group. The map of the image is their maximum at each pixel. */
function separateMaps(job: ExplainJob, parts: HeatmapParts): InputHeatmaps {
  const { options, scratch } = job;
  const { inputSize } = parts.letterbox;
  const [height, width] = inputSize;
  const array = () => scratch.array("map", height * width);
  const mapsOf = parts.maps.map((perScore) => (into?: Float32Array) => mergedMap(options, inputSize, perScore, into));
  // The common maximum is needed before the first map is scaled.
  const common = options.scale === "common" ? Math.max(0, ...mapsOf.map((map) => maximumOf(map(array())))) : undefined;
  const scaled = (map: FinishedMap) => keepTop(dividedBy(map, common ?? maximumOf(map)), options.keepTopPercent);
  const own = mapsOf.map((map, group) => {
    // A scratch array must not become part of the result.
    const made = map(options.frames === "both" ? undefined : array());
    return { isEmpty: maximumOf(made) === 0, map: detectionMap(scaled(made), options, parts, group) };
  });
  const heatmapInput = once(() => {
    const image: Map2D = { height, width, data: new Float32Array(height * width) };
    // Another call may use the scratch by now.
    const into = new Float32Array(height * width);
    for (const map of mapsOf) largest([{ values: image }, scaled(map(into))]);
    return applied(keepTop({ values: image }, options.keepTopPercent));
  });
  // keepTop may remove every pixel, even the largest.
  const isEmpty =
    options.keepTopPercent < 100 ? maximumOf({ values: heatmapInput() }) === 0 : own.every((one) => one.isEmpty);
  return { heatmapInput, maps: own.map(({ map }) => map), isEmpty };
}

/** The map of a group over the input, merged over the scores. */
function mergedMap(
  options: ResolvedExplainOptions,
  inputSize: Size,
  perScore: readonly GroupMap[],
  into: Float32Array | undefined,
): FinishedMap {
  const own = { inputSize, isScaled: options.scale === "each", into: perScore.length === 1 ? into : undefined };
  const made = perScore.map((map) => inputMap(map, own));
  return options.method.merge === "max" ? largest(made) : mean(made);
}

function detectionMap(
  map: FinishedMap,
  { frames }: ResolvedExplainOptions,
  { letterbox, groups, maxima }: HeatmapParts,
  group: number,
): DetectionMap {
  const detections = groups[group]!.map(({ index }) => index);
  const about = { detections, className: groups[group]![0]!.className, maximum: maxima[group]! };
  if (frames !== "both") return { ...about, heatmap: unletterboxScaled(map, letterbox) };
  const heatmapInput = applied(map);
  return { ...about, heatmap: unletterbox(heatmapInput, letterbox), heatmapInput };
}
