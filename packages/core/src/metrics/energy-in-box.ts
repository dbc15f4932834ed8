import { positiveSum } from "../kernels/range.js";
import type { Map2D } from "../tensor/tensor.js";
import type { MetricBox } from "./metric.js";

export interface EnergyInBox {
  /** Share of the map's positive values that lie in the box, 0..1. A pixel is in the box if its centre is. 0 for a map without positive values. */
  readonly energy: number;
  /** Share of the map's pixels whose centre is in the box. It is the energy of a uniform map. */
  readonly area: number;
  /** `energy / area`. 1 for a uniform map. 0 when no pixel is in the box. */
  readonly enrichment: number;
}

/**
 * The energy-based pointing game: `Σ_box H / Σ H` over the positive part of the map. Compare it with the area of the box, which is also returned. It
 * does not measure faithfulness to the network: a map with one positive cell in the box scores 1. Never report it alone.
 *
 * Wang et al., "Score-CAM", CVPR Workshops 2020, section 4.3.
 */
export function energyInBox({ height, width, data }: Map2D, box: MetricBox): EnergyInBox {
  const [left, right] = centresBetween(box.x1, box.x2, width);
  const [top, bottom] = centresBetween(box.y1, box.y2, height);
  const pixels = (bottom - top) * (right - left);
  const inside = new Float32Array(pixels);
  for (let y = top; y < bottom; y++) {
    inside.set(data.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  }
  // NaN counts as 0.
  const all = positiveSum(data);
  const energy = all > 0 ? positiveSum(inside) / all : 0;
  const area = pixels / data.length;
  return { energy, area, enrichment: pixels > 0 ? energy / area : 0 };
}

/** Returns the first pixel whose centre is at or after `low`, and the first whose centre is at or after `high`, limited to `count`. */
function centresBetween(low: number, high: number, count: number): readonly [number, number] {
  const place = (edge: number) => Math.min(Math.max(Math.ceil(edge - 0.5), 0), count);
  const first = place(low);
  return [first, Math.max(first, place(high))];
}

/** Returns true if the centre of pixel `[x, y]` is in the box. */
export function isInBox(x: number, y: number, { x1, y1, x2, y2 }: MetricBox): boolean {
  return x + 0.5 >= x1 && x + 0.5 < x2 && y + 0.5 >= y1 && y + 0.5 < y2;
}
