import type { Letterbox, Size } from "../../image/frame.js";
import { unletterbox, unletterboxScaled } from "../../image/frame-map.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import type { DetectionMap } from "../result/result.js";
import type { Groups } from "../targets/choose-targets.js";
import { combine } from "./finish-layers.js";
import { applied, dividedBy, type FinishedMap, keepTop, largest, maximumOf, mean } from "./finished-map.js";
import { type GroupMap, type GroupMaps, inputMap } from "./group-maps.js";

/** The maps of a result. */
export interface Heatmaps {
  readonly image: ImageMap;
  /** With `per`: one map per group. Otherwise empty. */
  readonly maps: readonly MapData[];
  /** The maps that the missing heatmaps in `maps` are made from. Undefined if none is missing. */
  readonly separate: SeparateMaps | undefined;
  /** Whether the map of the image is zero everywhere. */
  readonly isEmpty: boolean;
}

/**
 * The map of the image over the input: finished, or the maps of the groups that it is made from. It is plain data, so that it can be sent to
 * another thread and finished there.
 */
export type ImageMap = { readonly finished: Map2D } | SeparateMaps;

/** A map of a result as plain data. The heatmaps of later maps are missing if all of them together are too large. `groupHeatmaps` makes them. */
export type MapData = Omit<DetectionMap, keyof GroupHeatmaps> & Partial<GroupHeatmaps>;

export type GroupHeatmaps = Pick<DetectionMap, "heatmap" | "heatmapInput">;

/** Maximum size of the heatmaps that a result keeps, in bytes: 75 detections of a 768 × 576 image. The first one is always kept. */
const MAX_KEPT_BYTES = 2 ** 27;

/** The maps of the groups, and how they are merged over scores and scaled. */
export interface SeparateMaps extends Pick<ResolvedExplainOptions, "scale" | "keepTopPercent" | "frames"> {
  readonly inputSize: Size;
  readonly groups: GroupMaps;
  readonly merge: "mean" | "max" | undefined;
  /** With `scale: "common"`: the largest value of all groups. */
  readonly common: number | undefined;
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
  return job.options.per === "image" ? oneMap(job, parts) : separateMaps(job, parts);
}

/** The map of the image in pixels of the network's input. */
export function finishImage(image: ImageMap): Map2D {
  if ("finished" in image) return image.finished;
  const { inputSize, groups, keepTopPercent } = image;
  const [height, width] = inputSize;
  const whole: Map2D = { height, width, data: new Float32Array(height * width) };
  // Another call may use the scratch by now.
  const into = new Float32Array(height * width);
  for (const perScore of groups) {
    largest([{ values: whole }, scaledMap(mergedMap(perScore, image, into), image)]);
  }
  return applied(keepTop({ values: whole }, keepTopPercent));
}

/** One map, as in the reference: the sum over scores and classes, divided by its maximum. A method with `merge: "max"` takes the maximum over scores. */
function oneMap({ options }: ExplainJob, { letterbox, maps }: HeatmapParts): Heatmaps {
  const { inputSize } = letterbox;
  const made = maps.map((perScore) => perScore.map((map) => inputMap(map, { inputSize, isScaled: true })));
  const parts = options.method.merge === "max" ? made.map(largest) : made.flat();
  const [height, width] = inputSize;
  const whole = parts.length > 0 ? combine(parts) : { height, width, data: new Float32Array(height * width) };
  const finished = applied(keepTop({ values: whole }, options.keepTopPercent));
  return { image: { finished }, maps: [], separate: undefined, isEmpty: maximumOf({ values: finished }) === 0 };
}

/** One map per group. The map of the image is their maximum at each pixel. It is finished on first use, because a run over many images does not read it. */
function separateMaps({ options, scratch }: ExplainJob, parts: HeatmapParts): Heatmaps {
  const { scale, keepTopPercent, frames, method } = options;
  const { inputSize } = parts.letterbox;
  const [height, width] = inputSize;
  const array = () => scratch.array("map", height * width);
  const unscaled = {
    inputSize,
    groups: parts.maps,
    scale,
    keepTopPercent,
    frames,
    merge: method.merge,
    common: undefined,
  };
  // The common maximum is needed before the first map is scaled.
  const common =
    scale === "common"
      ? Math.max(0, ...parts.maps.map((perScore) => maximumOf(mergedMap(perScore, unscaled, array()))))
      : undefined;
  const image: SeparateMaps = { ...unscaled, common };
  const kept = keptCount(image, parts.letterbox);
  const own = parts.maps.map((perScore, group) => {
    const isKept = group < kept;
    // A scratch array must not become part of the result.
    const made = mergedMap(perScore, image, isKept && frames === "both" ? undefined : array());
    const heatmaps = isKept ? heatmapsOf(scaledMap(made, image), image, parts.letterbox) : {};
    return { isEmpty: maximumOf(made) === 0, map: { ...aboutMap(parts, group), ...heatmaps } };
  });
  const maps = own.map(({ map }) => map);
  const separate = maps.length > kept ? image : undefined;
  if (keepTopPercent >= 100) return { image, maps, separate, isEmpty: own.every((one) => one.isEmpty) };
  // keepTop may remove every pixel, even the largest.
  const finished = finishImage(image);
  return { image: { finished }, maps, separate, isEmpty: maximumOf({ values: finished }) === 0 };
}

/** The map of a group over the input, merged over the scores, without the padding cut off and without a common scale. */
export function unscaledMap(
  { options }: Pick<ExplainJob, "options">,
  { letterbox, maps }: HeatmapParts,
  group: number,
): Map2D {
  const parts = { inputSize: letterbox.inputSize, scale: options.scale, merge: options.method.merge };
  return applied(keepTop(mergedMap(maps[group]!, parts, undefined), options.keepTopPercent));
}

/** The heatmaps of a group. Each call returns new arrays with the same values. */
export function groupHeatmaps(separate: SeparateMaps, group: number, letterbox: Letterbox): GroupHeatmaps {
  const made = mergedMap(separate.groups[group]!, separate, undefined);
  return heatmapsOf(scaledMap(made, separate), separate, letterbox);
}

/** The number of groups whose heatmaps a result keeps, at least 1. */
export function keptCount(
  { frames, inputSize }: Pick<SeparateMaps, "frames" | "inputSize">,
  { imageSize }: Letterbox,
): number {
  const pixels = ([height, width]: Size) => height * width;
  const values = pixels(imageSize) + (frames === "both" ? pixels(inputSize) : 0);
  return Math.max(1, Math.floor(MAX_KEPT_BYTES / (values * Float32Array.BYTES_PER_ELEMENT)));
}

function scaledMap(map: FinishedMap, { common, keepTopPercent }: SeparateMaps): FinishedMap {
  return keepTop(dividedBy(map, common ?? maximumOf(map)), keepTopPercent);
}

/** The map of a group over the input, merged over the scores. */
function mergedMap(
  perScore: readonly GroupMap[],
  { inputSize, scale, merge }: Pick<SeparateMaps, "inputSize" | "scale" | "merge">,
  into: Float32Array | undefined,
): FinishedMap {
  const own = { inputSize, isScaled: scale === "each", into: perScore.length === 1 ? into : undefined };
  const made = perScore.map((map) => inputMap(map, own));
  return merge === "max" ? largest(made) : mean(made);
}

function aboutMap({ groups, maxima }: HeatmapParts, group: number): MapData {
  const detections = groups[group]!.map(({ index }) => index);
  return { detections, className: groups[group]![0]!.className, maximum: maxima[group]! };
}

function heatmapsOf(map: FinishedMap, { frames }: Pick<SeparateMaps, "frames">, letterbox: Letterbox): GroupHeatmaps {
  if (frames !== "both") return { heatmap: unletterboxScaled(map, letterbox) };
  const heatmapInput = applied(map);
  return { heatmap: unletterbox(heatmapInput, letterbox), heatmapInput };
}
