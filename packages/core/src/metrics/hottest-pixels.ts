import type { Map2D } from "../tensor/tensor.js";
import { isInBox } from "./energy-in-box.js";
import { heatOrder } from "./heat-order.js";
import type { MetricBox } from "./metric.js";

/**
 * Marks the hottest share of the pixels of a map with 1, such as the smallest region of a measurement. As there, pixels with equal heat are taken in random
 * order, so a region that is larger than the heat is scattered. With `within`, the share is one of the pixels of this box, and no others are marked.
 */
export function hottestPixels({ width, height, data }: Map2D, share: number, within?: MetricBox): Uint8Array {
  const all = Uint32Array.from({ length: width * height }, (_, pixel) => pixel);
  const isWithin = (pixel: number) => within === undefined || isInBox(pixel % width, Math.floor(pixel / width), within);
  const order = heatOrder(data, all.filter(isWithin), 0);
  const marked = new Uint8Array(width * height);
  for (const pixel of order.subarray(0, Math.round(share * order.length))) marked[pixel] = 1;
  return marked;
}
