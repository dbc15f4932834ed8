import type { Canvas, OutlinePen } from "./canvas.js";
import { type Segment, strokeSegments } from "./stroke.js";

/** A keypoint to draw. A `Keypoint` of a detection has these fields. */
export interface DrawnKeypoint {
  readonly x: number;
  readonly y: number;
  /** 0..1. A keypoint without a confidence is always drawn. */
  readonly confidence?: number | undefined;
}

/** Minimum confidence of a keypoint that is drawn, as in Ultralytics. */
export const MIN_CONFIDENCE = 0.25;

/** Pairs of COCO's 17 keypoints that a line joins (COCO's `skeleton`, counted from 0). Lin et al., "Microsoft COCO" (2014). */
const SKELETON: readonly (readonly [number, number])[] = [
  ...([
    [15, 13],
    [13, 11],
    [16, 14],
    [14, 12],
    [11, 12],
    [5, 11],
    [6, 12],
    [5, 6],
    [5, 7],
    [6, 8],
  ] as const),
  ...([
    [7, 9],
    [8, 10],
    [1, 2],
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 4],
    [3, 5],
    [4, 6],
  ] as const),
];

/** Draws the keypoints as dots. With 17 keypoints it also draws COCO's skeleton. */
export function drawPose(
  canvas: Canvas,
  keypoints: readonly DrawnKeypoint[],
  { line, rim, colour, rimColour, rimAlpha }: OutlinePen,
): void {
  const isShown = ({ confidence = 1 }: DrawnKeypoint): boolean => confidence >= MIN_CONFIDENCE;
  const point = ({ x, y }: DrawnKeypoint) => [x, y] as const;
  const dots = keypoints.filter(isShown).map((one): Segment => [point(one), point(one)]);
  const bones = (keypoints.length === 17 ? SKELETON : []).flatMap(([a, b]): Segment[] => {
    const [from, to] = [keypoints[a]!, keypoints[b]!];
    return isShown(from) && isShown(to) ? [[point(from), point(to)]] : [];
  });
  const radius = Math.max(2, 1.4 * line);
  strokeSegments(canvas, bones, line / 2 + rim, rimColour, rimAlpha);
  strokeSegments(canvas, dots, radius + rim, rimColour, rimAlpha);
  strokeSegments(canvas, bones, line / 2, colour);
  strokeSegments(canvas, dots, radius, colour);
}
