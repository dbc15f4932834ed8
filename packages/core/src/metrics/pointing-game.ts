import type { Map2D } from "../tensor/tensor.js";
import { isInBox } from "./energy-in-box.js";
import type { MetricBox } from "./metric.js";

/**
 * Is the hottest pixel in the box? Where several are the hottest, the share of them that is: 1 for a hit, 0 for a miss, the box's
 * share of the area for a constant map. Like the energy it rewards knowing the box. Never report it alone.
 *
 * Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016, without its margin of 15 pixels.
 */
export function pointingGame({ width, data }: Map2D, box: MetricBox): number {
  let most = Number.NEGATIVE_INFINITY;
  let hits = 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value > most) [most, hits, count] = [value, 0, 0];
    if (value !== most) continue;
    count++;
    if (isInBox(i % width, Math.floor(i / width), box)) hits++;
  }
  return count > 0 ? hits / count : 0;
}
