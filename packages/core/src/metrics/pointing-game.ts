import type { Map2D } from "../tensor/tensor.js";
import { isInBox } from "./energy-in-box.js";
import type { MetricBox } from "./metric.js";

/**
 * The pointing game: 1 if the pixel with the maximum is in the box, otherwise 0. If several pixels have the maximum, the result is the share of
 * them that is in the box. For a constant map this is the box's share of the area. Like the energy, it does not measure faithfulness to the network.
 * Never report it alone.
 *
 * Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016, without its margin of 15 pixels.
 */
export function pointingGame({ width, data }: Map2D, box: MetricBox): number {
  let max = Number.NEGATIVE_INFINITY;
  let hits = 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value > max) [max, hits, count] = [value, 0, 0];
    if (value !== max) continue;
    count++;
    if (isInBox(i % width, Math.floor(i / width), box)) hits++;
  }
  return count > 0 ? hits / count : 0;
}
