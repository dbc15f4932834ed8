import type { Box, Letterbox, Point } from "../image/frame.js";
import type { Mask } from "../image/mask.js";
import type { Tensor } from "../tensor/tensor.js";
import type { KeypointLayout } from "./tasks/keypoints.js";

/** A keypoint in image pixels, clipped to the picture. */
export interface Keypoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Probability that it is there (visible); undefined where the model tells none. */
  readonly confidence: number | undefined;
}

/** What the columns behind the classes hold: mask coefficients, one for each prototype `[E, h, w]`; keypoints; an angle in radians. */
export type Extra =
  | { readonly task: "segment"; readonly prototypes: Tensor }
  | { readonly task: "pose"; readonly keypoints: KeypointLayout }
  | { readonly task: "obb" };

/** One kept box of the detector. It knows where in the network it comes from. */
export interface Detection {
  /** Position in the list of detections, highest confidence first. */
  readonly index: number;
  readonly classIndex: number;
  readonly className: string;
  /** objectness × class probability, 0..1. */
  readonly confidence: number;
  /** 1 where the head has none. */
  readonly objectness: number;
  readonly classProbability: number;
  /** Of a rotated box the upright rectangle around it. */
  readonly boxImage: Box<"image">;
  readonly boxInput: Box<"input">;
  /** Of a segmentation model: the mask in image pixels; it may be empty. */
  readonly mask?: Mask;
  /** Of a pose model. */
  readonly keypoints?: readonly Keypoint[];
  /** Of a rotated box: radians in [0, π/2), from x towards y (clockwise in the picture). */
  readonly angle?: number;
  /** Of a rotated box: its corners in image pixels, one after the other around it; they may lie outside the picture. */
  readonly corners?: readonly [Point, Point, Point, Point];
  /** Row of the raw predictions `[1, R, 5+K]` that the box is. */
  readonly row: number;
  /** Index of the detection level, finest first (0 is P3 in YOLOv5). */
  readonly level: number;
  /** Name of the level by its stride: stride 8 is "P3". */
  readonly levelName: string;
  readonly stride: number;
  /** Which of the level's anchors. */
  readonly anchor: number;
  /** Grid cell `[x, y]` of the level. */
  readonly cell: readonly [x: number, y: number];
}

/**
 * Raw predictions of one image, `[R, C]` row-major; columns x, y, w, h (input pixels, centre form), objectness, K class probabilities, and
 * what the task has beside them.
 */
export interface Predictions {
  readonly rows: number;
  readonly columns: number;
  /** K. Default: all columns from the sixth on. */
  readonly classes?: number;
  /** False where the objectness column is but ones: the class probability is then all that is known. Default true. */
  readonly hasObjectness?: boolean;
  readonly data: Float32Array;
  /** What the columns behind the classes are; undefined when there are none. */
  readonly extra?: Extra | undefined;
  /**
   * x, y, w, h, objectness of every row side by side, `[R, 5]` (`BOX_COLUMNS`), of rotated boxes those of the upright rectangle around them: a pass over all
   * boxes is then short on memory traffic. Optional.
   */
  readonly boxes?: Float32Array;
}

/** What `detect` returns. */
export interface DetectResult {
  readonly detections: readonly Detection[];
  readonly letterbox: Letterbox;
}
