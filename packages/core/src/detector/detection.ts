import type { Box, Letterbox, Point } from "../image/frame.js";
import type { Mask } from "../image/mask.js";
import type { Tensor } from "../tensor/tensor.js";
import type { KeypointLayout } from "./tasks/keypoints.js";

/** A keypoint in image pixels, clipped to the image. */
export interface Keypoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Probability that the keypoint is visible; undefined if the model does not predict it. */
  readonly confidence: number | undefined;
}

/**
 * The meaning of the columns after the classes: mask coefficients, one for each prototype `[E, h, w]`; keypoints; an angle in radians; the logits of a
 * classifier, one for each class.
 */
export type Extra =
  | { readonly task: "segment"; readonly prototypes: Tensor }
  | { readonly task: "pose"; readonly keypoints: KeypointLayout }
  | { readonly task: "obb" }
  | { readonly task: "classify" };

/** One detected box, with its origin in the network. */
export interface Detection {
  /** Position in the list of detections, highest confidence first. */
  readonly index: number;
  readonly classIndex: number;
  readonly className: string;
  /** objectness × class probability, 0..1. */
  readonly confidence: number;
  /** 1 if the head has no objectness. */
  readonly objectness: number;
  readonly classProbability: number;
  /** For a rotated box: the axis-aligned rectangle around it. */
  readonly boxImage: Box<"image">;
  readonly boxInput: Box<"input">;
  /** For a segmentation model: the mask in image pixels. It may be empty. */
  readonly mask?: Mask;
  /** For a pose model: the keypoints. */
  readonly keypoints?: readonly Keypoint[];
  /** For a rotated box: the angle in radians in [0, π/2), from x towards y (clockwise in the image). */
  readonly angle?: number;
  /** True for a class of a classifier. Its box is the part of the image that the network gets, and is not drawn. */
  readonly isWholeImage?: true;
  /** For a rotated box: its corners in image pixels, in order around the box. They may lie outside the image. */
  readonly corners?: readonly [Point, Point, Point, Point];
  /** Row of the box in the raw predictions `[1, R, 5+K]`. */
  readonly row: number;
  /** Index of the detection level, finest first (0 is P3 in YOLOv5). */
  readonly level: number;
  /** Name of the level from its stride: stride 8 is "P3". */
  readonly levelName: string;
  readonly stride: number;
  /** Index of the anchor in the level. */
  readonly anchor: number;
  /** Grid cell `[x, y]` of the level. */
  readonly cell: readonly [x: number, y: number];
}

/**
 * Raw predictions of one image, `[R, C]` row-major. The columns are x, y, w, h (input pixels, centre form), objectness, K class probabilities, and
 * the extra columns of the task.
 */
export interface Predictions {
  readonly rows: number;
  readonly columns: number;
  /** Number of classes K. Default: all columns from the sixth on. */
  readonly classes?: number;
  /** False if the objectness column contains only ones. The confidence is then the class probability alone. Default true. */
  readonly hasObjectness?: boolean;
  /** If rows are computed when they are read, this computes all of them, which is slow. Use `row` then. */
  readonly data: Float32Array;
  /** One row, if rows are computed when they are read. Undefined if `data` is there already. */
  readonly row?: (row: number) => Float32Array;
  /** The meaning of the columns after the classes; undefined when there are none. */
  readonly extra?: Extra | undefined;
  /**
   * x, y, w, h and objectness of every row, `[R, 5]` (`BOX_COLUMNS`). For rotated boxes: of the axis-aligned rectangle around them. This optional
   * copy reduces memory traffic in a pass over all boxes.
   */
  readonly boxes?: Float32Array;
}

/** What `detect` returns. */
export interface DetectResult {
  readonly detections: readonly Detection[];
  readonly letterbox: Letterbox;
}
