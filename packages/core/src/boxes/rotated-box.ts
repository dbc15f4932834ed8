/** A box that is rotated around its centre by `angle` radians, from x to y (clockwise in an image, where y points down). */
export interface RotatedBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly angle: number;
}

/** Returns the sides of the axis-aligned rectangle around a rotated box, rounded to float32, so that all callers get the same numbers. */
export function hullSides(
  width: number,
  height: number,
  angle: number,
): readonly [hullWidth: number, hullHeight: number] {
  const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
  return [Math.fround(width * cos + height * sin), Math.fround(width * sin + height * cos)];
}
