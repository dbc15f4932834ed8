import { energyInBox, type Map2D } from "@whybox/core";
import type { HeatMap } from "../protocol.js";
import type { MapFacts } from "./state.js";

/** Corners in image pixels. */
export interface PlainBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** The position of the largest value of a map. Undefined for a map without heat. */
export function peakOf({ width, data }: Map2D): { x: number; y: number } | undefined {
  let best = -1;
  let max = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i]! > max) {
      max = data[i]!;
      best = i;
    }
  }
  return best < 0 ? undefined : { x: best % width, y: Math.floor(best / width) };
}

/** The numbers of a map. Some of them need a box. */
export function measure(map: Map2D, box: PlainBox | undefined): MapFacts {
  const peak = peakOf(map);
  const { energy, area } = box === undefined ? { energy: 0, area: 0 } : energyInBox(map, box);
  const inside = (one: { x: number; y: number }, { x1, y1, x2, y2 }: PlainBox) =>
    one.x + 0.5 >= x1 && one.x + 0.5 < x2 && one.y + 0.5 >= y1 && one.y + 0.5 < y2;
  return {
    energy: box === undefined ? undefined : { inside: energy, area },
    peak: peak && { ...peak, insideBox: box && inside(peak, box) },
  };
}

/** The maximum of several maps at each pixel, as the engine joins the maps of an image. Returns a single map unchanged. */
export function joinMaps(maps: readonly HeatMap[]): HeatMap {
  const [first, ...others] = maps as readonly [HeatMap, ...HeatMap[]];
  if (others.length === 0) return first;
  const data = Float32Array.from(first.data);
  for (const other of others) for (let i = 0; i < data.length; i++) data[i] = Math.max(data[i]!, other.data[i]!);
  return { ...first, detections: maps.flatMap(({ detections }) => detections), data };
}
