/** A box rotated by `angle` radians around its centre, from x towards y (clockwise in a picture, where y points down). */
export interface RotatedBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly angle: number;
}

/** Sides of the upright rectangle around a rotated box, in float32: every place that needs them has the same numbers. */
export function hullSides(
  width: number,
  height: number,
  angle: number,
): readonly [hullWidth: number, hullHeight: number] {
  const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
  return [Math.fround(width * cos + height * sin), Math.fround(width * sin + height * cos)];
}
