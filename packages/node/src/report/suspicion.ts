/** How likely a detection uses a shortcut, 0..1. It is high for a confident detection with its heat elsewhere.
 *
 *     suspicion = score × min(1, out / √in)
 * where `in` is the mean heat inside the box and `out` the mean heat outside it. Both are divided by the mean heat of the image:
 * in = inBox / area and out = (1 − inBox) / (1 − area). For a uniform map the result is the score, for every size of the box. For a map
 * completely inside the box it is 0. The root makes small and large boxes comparable: `out` alone ranks small boxes first, because
 * coarse maps extend over the box. `out / in` ranks large boxes first.
 * @param inBox share of the map's energy inside the box. @param area share of the image's pixels inside the box.
 */
export function suspicionOf(score: number, inBox: number, area: number): number {
  if (area >= 1) return 0; // The box covers the whole image.
  const outside = (1 - inBox) / (1 - area);
  const inside = area > 0 ? inBox / area : 0;
  return score * Math.min(1, outside / Math.sqrt(inside));
}
