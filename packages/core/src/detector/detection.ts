import type { Box, Letterbox } from "../image/frame.js";

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
  readonly boxImage: Box<"image">;
  readonly boxInput: Box<"input">;
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
  /** x, y, w, h of every row side by side, `[R, 4]`: a pass over all boxes is then short on memory traffic. Optional. */
  readonly boxes?: Float32Array;
}

/** What `detect` returns. */
export interface DetectResult {
  readonly detections: readonly Detection[];
  readonly letterbox: Letterbox;
}
