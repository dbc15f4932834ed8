import type { Map2D } from "../tensor/tensor.js";
import { energyInBox, isInBox } from "./energy-in-box.js";
import type { MetricBox } from "./metric.js";
import { peakOf } from "./peak.js";

/** Where the heat of a detection's own map lies. */
export interface BoxHeat {
  /** Share of the heat inside the box, 0..1. */
  readonly inBox: number;
  /** Share of the image that the box covers: what `inBox` would be for a uniform map. */
  readonly area: number;
  /** `inBox / area`: how many times more heat the box has than in a uniform map. */
  readonly ratio: number;
  /** Centre `[x, y]` of the hottest pixel. */
  readonly peak: readonly [x: number, y: number];
  readonly peakInBox: boolean;
}

/** Measures a map against the box that it explains. Both are in the same pixels. */
export function boxHeat(map: Map2D, box: MetricBox): BoxHeat {
  const { energy, area, enrichment } = energyInBox(map, box);
  const [x, y] = peakOf(map);
  return { inBox: energy, area, ratio: enrichment, peak: [x + 0.5, y + 0.5], peakInBox: isInBox(x, y, box) };
}
