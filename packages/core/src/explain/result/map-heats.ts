import { type BoxHeat, boxHeat } from "../../metrics/box-heat.js";
import type { ExplainResult } from "./result.js";

/**
 * For each map of a result: where its heat lies. Undefined for the map of several detections, for that of a class of the whole image, and for a map without heat. Reads every map, one
 * after another.
 */
export function mapHeats({ maps, detections }: ExplainResult): (BoxHeat | undefined)[] {
  return maps.map((map) => {
    const [only, ...others] = map.detections;
    if (only === undefined || others.length > 0) return undefined;
    const { boxImage, isWholeImage } = detections[only]!;
    if (isWholeImage) return undefined;
    const { heatmap } = map;
    const heat = boxHeat(heatmap, boxImage);
    const [x, y] = heat.peak;
    return heatmap.data[Math.floor(y) * heatmap.width + Math.floor(x)]! > 0 ? heat : undefined;
  });
}
