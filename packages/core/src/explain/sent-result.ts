import { invariant } from "../errors.js";
import { unletterbox } from "../image/frame-map.js";
import { once } from "../once.js";
import type { Map2D } from "../tensor/tensor.js";
import { finishImage, groupHeatmaps, type Heatmaps, keptCount, type SeparateMaps } from "./finish/heatmaps.js";
import { Recent } from "./recent.js";
import { withPlainJson } from "./result/plain-result.js";
import type { DetectionMap, ExplainResult } from "./result/result.js";

/** A result as plain data. */
export interface ResultData {
  readonly fields: Omit<ExplainResult, "heatmap" | "heatmapInput" | "maps">;
  /** The maps, or the parts that they are made from (`MapParts`). Only `resultFrom` reads them. */
  readonly maps: unknown;
  /** The heatmap in image pixels, if it is made. */
  readonly heatmap?: Map2D;
}

/** The map of the image may be unfinished, and heatmaps may be missing. */
export type MapParts = Omit<Heatmaps, "isEmpty">;

/** The data of each result, for `sendResult`. */
const dataOf = new WeakMap<ExplainResult, ResultData>();

/** The result with this data. The map of the image is finished on first use, and missing heatmaps are made when they are read. */
export function resultFrom(data: ResultData): ExplainResult {
  const { letterbox } = data.fields;
  const parts = data.maps as MapParts;
  const input = once(() => finishImage(parts.image));
  const heatmap = once(() => data.heatmap ?? unletterbox(input(), letterbox));
  const result = withPlainJson({
    ...data.fields,
    maps: mapsOf(parts, letterbox),
    get heatmap() {
      return heatmap();
    },
    get heatmapInput() {
      return input();
    },
  });
  dataOf.set(result, data);
  return result;
}

/** The maps of a result. Those without heatmaps make them when they are read, and the heatmaps that were read last are kept. */
function mapsOf({ maps, separate }: MapParts, letterbox: ExplainResult["letterbox"]): readonly DetectionMap[] {
  if (separate === undefined) return maps as readonly DetectionMap[];
  // An eighth of what is kept: enough to compare two maps pixel by pixel.
  const max = Math.max(2, Math.floor(keptCount(separate, letterbox) / 8));
  const recent = new Recent((group) => groupHeatmaps(separate, group, letterbox), max);
  const isBoth = separate.frames === "both";
  return maps.map((map, group): DetectionMap => {
    const { heatmap, heatmapInput, ...about } = map;
    if (heatmap !== undefined) return { ...about, heatmap, ...(heatmapInput && { heatmapInput }) };
    const own = {
      ...about,
      get heatmap() {
        return recent.get(group).heatmap;
      },
    };
    if (!isBoth) return own;
    return Object.defineProperty(own, "heatmapInput", { enumerable: true, get: () => recent.get(group).heatmapInput });
  });
}

/** A result that is sent to another thread: a message, and the buffers to transfer with it. They are detached. */
export interface SentResult {
  readonly data: ResultData;
  readonly transfer: readonly ArrayBuffer[];
}

/**
 * Prepares a result of `explain` for another thread. There, `resultFrom` makes the result from the data. Do not use the result afterwards.
 * If the image has one map, the heatmap is made here. With `per`, the receiver makes the map of the image on first use.
 */
export function sendResult(result: ExplainResult): SentResult {
  const known = dataOf.get(result);
  invariant(known !== undefined, "sendResult got an object that `explain` did not return.");
  const { fields } = known;
  const { image, maps, separate } = known.maps as MapParts;
  const buffers = new Set<ArrayBuffer>();
  const sent = (map: Map2D): Map2D => {
    const { data } = map;
    // A view of a larger buffer would take all of it along.
    const own = data.byteLength === data.buffer.byteLength ? map : { ...map, data: data.slice() };
    buffers.add(own.data.buffer as ArrayBuffer);
    return own;
  };
  const groups = "finished" in image ? separate : image;
  const sentGroups = groups && sentSeparate(groups, sent);
  const parts: MapParts = {
    image: "finished" in image ? { finished: sent(image.finished) } : sentGroups!,
    maps: maps.map(({ heatmap, heatmapInput, ...about }) => ({
      ...about,
      ...(heatmap && { heatmap: sent(heatmap) }),
      ...(heatmapInput && { heatmapInput: sent(heatmapInput) }),
    })),
    separate: separate && sentGroups,
  };
  const data: ResultData = {
    fields,
    maps: parts,
    ...("finished" in image && { heatmap: sent(result.heatmap) }),
  };
  return { data, transfer: [...buffers] };
}

function sentSeparate(separate: SeparateMaps, sent: (map: Map2D) => Map2D): SeparateMaps {
  const groups = separate.groups.map((perScore) =>
    perScore.map((map) => ("layers" in map ? { layers: map.layers.map(sent) } : { input: sent(map.input) })),
  );
  return { ...separate, groups };
}
