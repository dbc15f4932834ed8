import { invariant } from "../errors.js";
import { unletterbox } from "../image/frame-map.js";
import { once } from "../once.js";
import type { Map2D } from "../tensor/tensor.js";
import { finishImage, type ImageMap } from "./finish/heatmaps.js";
import { withPlainJson } from "./result/plain-result.js";
import type { ExplainResult } from "./result/result.js";

/** A result as plain data. */
export interface ResultData {
  readonly fields: Omit<ExplainResult, "heatmap" | "heatmapInput">;
  /** The map of the image, or the parts that it is made from. Only `resultFrom` reads it. */
  readonly image: unknown;
  /** The heatmap in image pixels, if it is made. */
  readonly heatmap?: Map2D;
}

/** The data of each result, for `sendResult`. */
const dataOf = new WeakMap<ExplainResult, ResultData>();

/** The result with this data. The map of the image is finished on first use. */
export function resultFrom(data: ResultData): ExplainResult {
  const input = once(() => finishImage(data.image as ImageMap));
  const heatmap = once(() => data.heatmap ?? unletterbox(input(), data.fields.letterbox));
  const result = withPlainJson({
    ...data.fields,
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
  const image = known.image as ImageMap;
  const buffers = new Set<ArrayBuffer>();
  const sent = (map: Map2D): Map2D => {
    const { data } = map;
    // A view of a larger buffer would take all of it along.
    const own = data.byteLength === data.buffer.byteLength ? map : { ...map, data: data.slice() };
    buffers.add(own.data.buffer as ArrayBuffer);
    return own;
  };
  const maps = fields.maps.map(({ heatmap, heatmapInput, ...about }) => ({
    ...about,
    heatmap: sent(heatmap),
    ...(heatmapInput && { heatmapInput: sent(heatmapInput) }),
  }));
  const data: ResultData = {
    fields: { ...fields, maps },
    image: sentImage(image, sent),
    ...("finished" in image && { heatmap: sent(result.heatmap) }),
  };
  return { data, transfer: [...buffers] };
}

function sentImage(image: ImageMap, sent: (map: Map2D) => Map2D): ImageMap {
  if ("finished" in image) return { finished: sent(image.finished) };
  const groups = image.groups.map((perScore) =>
    perScore.map((map) => ("layers" in map ? { layers: map.layers.map(sent) } : { input: sent(map.input) })),
  );
  return { ...image, groups };
}
