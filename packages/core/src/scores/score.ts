import type { Predictions } from "../detector/detection.js";
import type { DetectorTask } from "../detector/head.js";
import type { KeypointLayout } from "../detector/tasks/keypoints.js";
import type { Box } from "../image/frame.js";
import type { Scalar, Tape } from "./tape.js";

/** The detection that is explained, as a score sees it. */
export interface ScoreTarget {
  readonly boxInput: Box<"input">;
  readonly classIndex: number;
  /** The prediction row behind the box; for a box that a person drew, the row that speaks for it most. */
  readonly row: number;
  /** True for a box that a person drew: rows near it count whatever their best class. Default false. */
  readonly anyClass?: boolean;
  /** Cells of the mask prototypes where the detection's mask is, on the untouched picture. For scores that read masks. */
  readonly maskCells?: readonly number[];
}

/** What a score may want to know of a model before it is taken. */
export interface ScoredModel {
  readonly task: DetectorTask;
  /** Of a pose model. */
  readonly keypoints: KeypointLayout | undefined;
}

/** Prediction rows on a tape: every value read becomes a leaf whose derivative is collected. */
export interface PredictionView {
  readonly tape: Tape;
  readonly predictions: Predictions;
  /** Column `column` of row `row` as a leaf on the tape (the same leaf when read twice). */
  at(row: number, column: number): Scalar;
  /**
   * The mean mask probability of row `row` over cells of the prototypes, numbered row by row: its gradient flows to the row's mask coefficients and
   * to the prototypes. It has no second derivative. For scores with `readsMask`.
   */
  maskProbability(row: number, cells: readonly number[]): Scalar;
}

export interface ScoreOptions {
  /** How many prediction rows nearest to the box by IoU take part. Default 10. */
  readonly topk: number;
  /** Index of the class that `contrast` compares with. */
  readonly versus?: number | undefined;
}

/**
 * What is explained: one number from the raw predictions. `of` returns null when the target contributes nothing
 * (no row near the box carries its class); otherwise the term that is added to the score of the image.
 */
export interface Score {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  /** Stands for a term that is null where scores of changed pictures are compared. Default 0. */
  readonly missing?: number;
  /** True when the term belongs to the class, not to the box: a class with several detections counts once. */
  readonly perClass?: boolean;
  /** True when the term reads rows far from the box. */
  readonly readsAllRows?: boolean;
  /** True when the term reads mask prototypes: targets then tell the cells of their masks. */
  readonly readsMask?: boolean;
  /** What a person is told when no target has a term. Default: that no row near the boxes carries their class. */
  readonly absent?: string;
  /** Asks the same of the picture's mirror image, where that is another question: of its right eye, for the left one. Default: the score itself. */
  readonly mirrored?: Score;
  /** Why a model has no such score; undefined when it has. */
  refuse?(model: ScoredModel): string | undefined;
  /** The score for one part, named behind a colon: `keypoint:nose`. */
  part?(name: string): Score;
  /**
   * True when the score holds no array of the predictions after `of` has returned. The engine then frees the memory of the forward pass as soon as the
   * explanation is done, and such an array loses its values. Default false: the memory is left to the garbage collector, which is always safe.
   */
  readonly keepsNothing?: boolean;
  of(view: PredictionView, target: ScoreTarget, options: ScoreOptions): Scalar | null;
}

/** The value of a score over several targets and its sparse gradient on the predictions. */
export interface ScoreResult {
  /** Sum of the terms; 0 when no target contributes. */
  readonly value: number;
  /** Per target its term, or null when it contributes nothing. */
  readonly terms: readonly (number | null)[];
  /** Rows with a gradient, ascending. */
  readonly rows: readonly number[];
  /** d value / d predictions on those rows, `[rows.length, columns]` row-major, float64. */
  readonly gradient: Float64Array;
  /** d value / d mask prototypes `[E, h, w]`, as a sum; empty for scores that read no masks. */
  readonly prototypes: readonly PrototypeGradient[];
}

/** A gradient on the prototypes that is `coefficients[e] · slopes[i]` at channel e of cell `cells[i]`, and zero elsewhere. */
export interface PrototypeGradient {
  readonly coefficients: readonly number[];
  readonly cells: readonly number[];
  readonly slopes: Float64Array;
}
