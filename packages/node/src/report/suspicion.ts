/** Share of the heat in the hottest tenth of the cells from which a map counts as concentrated. A uniform map has 0.1. */
const CONCENTRATED = 0.3;
const HOTTEST = 0.1;

/** Which detections to look at first, 0..1: it is high for a confident detection with its heat elsewhere. It ranks; it is no probability.
 *
 *     suspicion = score × min(1, out / √in) × concentration
 * where `in` is the mean heat inside the box and `out` the mean heat outside it. Both are divided by the mean heat of the image:
 * in = inBox / area and out = (1 − inBox) / (1 − area). For a map completely inside the box it is 0. The root makes small and large
 * boxes comparable: `out` alone ranks small boxes first, because coarse maps extend over the box. `out / in` ranks large boxes first.
 * A map that is nearly uniform says nothing about the place of the evidence, so its concentration is near 0.
 * @param inBox share of the map's energy inside the box. @param area share of the image's pixels inside the box.
 * @param map the small map of the whole image. Default: the map counts as concentrated.
 */
export function suspicionOf(
  score: number,
  { inBox, area }: { readonly inBox: number; readonly area: number },
  map?: Uint8Array,
): number {
  if (area >= 1) return 0; // The box covers the whole image.
  const outside = (1 - inBox) / (1 - area);
  const inside = area > 0 ? inBox / area : 0;
  return score * Math.min(1, outside / Math.sqrt(inside)) * (map === undefined ? 1 : concentrationOf(map));
}

/** 0 for a uniform map, 1 when the hottest tenth of the cells has at least three times its share of the heat. */
export function concentrationOf(map: Uint8Array): number {
  const sorted = map.toSorted();
  const all = sorted.reduce((sum, value) => sum + value, 0);
  if (all === 0) return 0;
  const first = sorted.length - Math.round(HOTTEST * sorted.length);
  const share = sorted.subarray(first).reduce((sum, value) => sum + value, 0) / all;
  const uniform = (sorted.length - first) / sorted.length;
  return Math.min(1, Math.max(0, (share - uniform) / (CONCENTRATED - uniform)));
}
