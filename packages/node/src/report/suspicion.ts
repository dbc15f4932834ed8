/**
 * How much a detection looks like a shortcut, 0..1: it is confident, and its heat lies elsewhere.
 *
 *     suspicion = score × min(1, out / √in)
 *
 * where `in` is the mean heat inside of the box and `out` that outside of it, each over the mean heat of the picture: inBox / area, and
 * (1 − inBox) / (1 − area). A uniform map gives the score, whatever the size of the box, and a map wholly inside the box 0. The root is a mean of two
 * simpler numbers, each unfair: `out` alone puts small boxes first, because the heat of coarse maps spills over; `out / in` puts large ones first.
 * @param inBox share of the map's energy inside the box. @param area share of the picture's pixels inside the box.
 */
export function suspicionOf(score: number, inBox: number, area: number): number {
  if (area >= 1) return 0; // there is no elsewhere
  const outside = (1 - inBox) / (1 - area);
  const inside = area > 0 ? inBox / area : 0;
  return score * Math.min(1, outside / Math.sqrt(inside));
}
