import type { Size } from "../image/frame.js";

/** One detection level of a head, finest first. */
export interface HeadLevel {
  /** Input pixels per cell. */
  readonly stride: number;
  /** "P3" for stride 8, "P4" for 16, … (log2 of the stride). */
  readonly name: string;
  /** Boxes per cell. */
  readonly anchors: number;
  /** Value that enters the level's prediction convolution: the head input. */
  readonly input: string;
  /** Output value of that convolution. */
  readonly convOutput: string;
}

/** Where a prediction row comes from. */
export interface RowOrigin {
  readonly level: number;
  readonly anchor: number;
  readonly cell: readonly [x: number, y: number];
}

/** A detection head as found in a graph. */
export interface DetectorHead {
  readonly kind: "anchor-based";
  /** Graph output with the decoded predictions `[1, R, 5+K]`. */
  readonly output: string;
  readonly classCount: number;
  readonly levels: readonly HeadLevel[];
  /** @throws internal when the row is past the end. */
  originOf(row: number, inputSize: Size): RowOrigin;
  /** Number of rows at this input size. */
  rowCount(inputSize: Size): number;
}
