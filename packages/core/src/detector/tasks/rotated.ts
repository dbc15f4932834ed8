import type { RotatedBox } from "../../boxes/rotated-box.js";
import type { Letterbox, Point } from "../../image/frame.js";

/** Keeps quotients and roots finite, as in Ultralytics' `batch_probiou`. */
const EPSILON = 1e-7;

/**
 * Probabilistic IoU of two rotated boxes: 1 − the Hellinger distance of two Gaussians. Each Gaussian has the centre of its box and
 * the covariance of a uniform distribution over the box. Llerena et al., "Gaussian Bounding Boxes and Probabilistic
 * Intersection-over-Union for Object Detection" (2021), eq. 6 to 11; constants as in Ultralytics' `batch_probiou`, which its NMS uses.
 */
export function probabilisticIou(one: RotatedBox, other: RotatedBox): number {
  const [a1, b1, c1] = covariance(one);
  const [a2, b2, c2] = covariance(other);
  const [a, b, c] = [a1 + a2, b1 + b2, c1 + c2];
  const [dx, dy] = [one.x - other.x, one.y - other.y];
  const determinant = a * b - c ** 2;
  const apart = (0.25 * (a * dy ** 2 + b * dx ** 2)) / (determinant + EPSILON);
  const skewed = (0.5 * (c * -dx * dy)) / (determinant + EPSILON);
  const areas = Math.max(a1 * b1 - c1 ** 2, 0) * Math.max(a2 * b2 - c2 ** 2, 0);
  const spread = 0.5 * Math.log(determinant / (4 * Math.sqrt(areas) + EPSILON) + EPSILON);
  const distance = Math.min(Math.max(apart + skewed + spread, EPSILON), 100);
  return 1 - Math.sqrt(1 - Math.exp(-distance) + EPSILON);
}

/** The covariance matrix `[[a, c], [c, b]]`. */
function covariance({ width, height, angle }: RotatedBox): readonly [a: number, b: number, c: number] {
  const [along, across] = [width ** 2 / 12, height ** 2 / 12];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [along * cos ** 2 + across * sin ** 2, along * sin ** 2 + across * cos ** 2, (along - across) * cos * sin];
}

/** The same box with an angle in [0, π/2). Width and height swap for an odd number of quarter turns. */
export function regularised({ x, y, width, height, angle }: RotatedBox): RotatedBox {
  const quarter = Math.PI / 2;
  const turns = Math.floor(angle / quarter);
  const rest = angle - turns * quarter;
  return turns % 2 === 0 ? { x, y, width, height, angle: rest } : { x, y, width: height, height: width, angle: rest };
}

/** Corners of a rotated box in order around it, starting at +width/2, +height/2 in the frame of the box, as in Ultralytics' `xywhr2xyxyxyxy`. */
export function cornersOf({ x, y, width, height, angle }: RotatedBox): readonly [Point, Point, Point, Point] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const corner = (w: number, h: number): Point => [
    x + (w * width * cos - h * height * sin) / 2,
    y + (w * width * sin + h * height * cos) / 2,
  ];
  return [corner(1, 1), corner(1, -1), corner(-1, -1), corner(-1, 1)];
}

/** Converts a point from input pixels to image pixels. It may lie outside the image. */
export function pointToImage([x, y]: Point, { imageSize, contentSize, padLeft, padTop }: Letterbox): Point {
  return [((x - padLeft) * imageSize[1]) / contentSize[1], ((y - padTop) * imageSize[0]) / contentSize[0]];
}
