import type { Predictions } from "../detector/detection.js";
import type { DetectorTask } from "../detector/head.js";
import type { KeypointLayout } from "../detector/tasks/keypoints.js";
import type { Box } from "../image/frame.js";
import type { Scalar, Tape } from "./tape.js";

/** The part of an explained detection that scores use. */
export interface ScoreTarget {
  readonly boxInput: Box<"input">;
  readonly classIndex: number;
  /** The prediction row of the box. For a box that the user gives, the row that supports it most. */
  readonly row: number;
  /** True for a box that the user gives, and for a class of a classifier: rows count regardless of their best class. Default false. */
  readonly anyClass?: boolean;
  /** Cells of the mask prototypes inside the detection's mask, on the original image. For scores that read masks. */
  readonly maskCells?: readonly number[];
}

/** The properties of a model that decide whether it supports a score. */
export interface ScoredModel {
  readonly task: DetectorTask;
  /** Of a pose model. */
  readonly keypoints: KeypointLayout | undefined;
}

/** Prediction rows on a tape. Each value that is read becomes a leaf, and its derivative is collected. */
export interface PredictionView {
  readonly tape: Tape;
  readonly predictions: Predictions;
  /** Returns column `column` of row `row` as a leaf on the tape. Reading it twice returns the same leaf. */
  at(row: number, column: number): Scalar;
  /**
   * Returns the mean mask probability of row `row` over cells of the prototypes (row-major indices). Its gradient flows to the row's mask coefficients and
   * to the prototypes. It has no second derivative. For scores with `readsMask`.
   */
  maskProbability(row: number, cells: readonly number[]): Scalar;
  /** Returns the `count` rows with the highest IoU with a box, in descending order. Not differentiated. */
  nearest(box: Box<"input">, count: number): readonly number[];
  /** Returns true if no column of the row is NaN or infinite. */
  isFiniteRow(row: number): boolean;
  /** Returns the index of the most probable class of a finite row. At a tie, returns the first. */
  bestClass(row: number): number;
}

export interface ScoreOptions {
  /** Number of prediction rows with the highest IoU that are used. Default 10. */
  readonly topk: number;
  /** Index of the class for the comparison in `contrast`. */
  readonly versus?: number | undefined;
}

/**
 * The number that is explained, computed from the raw predictions. `of` returns the term of a target, which is added to the score of the image. It
 * returns null when the target contributes nothing (no row near the box has its class).
 */
export interface Score {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  /** Replaces a term that is null when scores of changed images are compared. Default 0. */
  readonly missing?: number;
  /** True if the term depends on the class and not on the box. A class with several detections counts once. */
  readonly perClass?: boolean;
  /** True if the term reads rows far from the box. */
  readonly readsAllRows?: boolean;
  /** True if the term reads the target's own row only. */
  readonly readsOwnRow?: boolean;
  /** True if the term reads mask prototypes. Targets then have the cells of their masks. */
  readonly readsMask?: boolean;
  /** The message when no target has a term. Default: no row near the boxes has their class. */
  readonly absent?: string;
  /** The corresponding score for the mirrored image, if it differs: for the left eye, the score of the right eye. Default: the score itself. */
  readonly mirrored?: Score;
  /** Returns the reason why a model does not support the score. Returns undefined if it does. */
  refuse?(model: ScoredModel): string | undefined;
  /** Returns the score of one part, named after a colon: `keypoint:nose`. */
  part?(name: string): Score;
  of(view: PredictionView, target: ScoreTarget, options: ScoreOptions): Scalar | null;
}

/** The value of a score over several targets, and its sparse gradient on the predictions. */
export interface ScoreResult {
  /** Sum of the terms. 0 when no target contributes. */
  readonly value: number;
  /** The term of each target. Null when it contributes nothing. */
  readonly terms: readonly (number | null)[];
  /** Rows with a gradient, in ascending order. */
  readonly rows: readonly number[];
  /** d value / d predictions on those rows, `[rows.length, columns]` row-major, float64. */
  readonly gradient: Float64Array;
  /** d value / d mask prototypes `[E, h, w]`, as a sum. Empty for scores that do not read masks. */
  readonly prototypes: readonly PrototypeGradient[];
}

/** A gradient on the prototypes: `coefficients[e] · slopes[i]` at channel e of cell `cells[i]`, and zero elsewhere. */
export interface PrototypeGradient {
  readonly coefficients: readonly number[];
  readonly cells: readonly number[];
  readonly slopes: Float64Array;
}
