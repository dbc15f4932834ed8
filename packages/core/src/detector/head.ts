import { WhyboxError } from "../errors.js";
import type { Size } from "../image/frame.js";

/** One detection level of a head, finest first. */
export interface HeadLevel {
  /** Input pixels per cell. */
  readonly stride: number;
  /** "P3" for stride 8, "P4" for 16, … (log2 of the stride); "queries" for a head without levels. */
  readonly name: string;
  /** Boxes per cell. */
  readonly anchors: number;
  /** Values that enter the level's prediction convolutions: the head input. One, but for heads that read all maps at once. */
  readonly inputs: readonly string[];
  /** Outputs of those convolutions: boxes, classes, objectness … where each has its own. */
  readonly convOutputs: readonly string[];
  /** Value with the level's own rows `[1, r, C]`, where the predictions are nothing but the levels' rows one after another. */
  readonly rows: string | undefined;
}

/** Where a prediction row comes from. */
export interface RowOrigin {
  readonly level: number;
  readonly anchor: number;
  readonly cell: readonly [x: number, y: number];
}

/** What a model draws beside boxes. */
export type DetectorTask = "detect" | "segment" | "pose" | "obb";

/** How a model's own boxes are chosen from its rows. */
export interface Selection {
  /** Whether boxes over each other are dropped; end-to-end models are trained to make one box an object. */
  readonly nms: boolean;
  /** Whether a row stands for its best class alone, or for every class above the threshold. */
  readonly labels: "best" | "all";
  /** IoU of a suppression that is inside the file: it is cut off, and the one of the options is used. */
  readonly iou?: number;
}

/**
 * A detection head as found in a graph. Its predictions `[1, R, 5+K+E]` have one layout whatever the file's: x, y, w, h (centre form, input
 * pixels), objectness (1 where the head has none), K class probabilities, E more columns.
 */
export interface DetectorHead {
  readonly kind: "anchor-based" | "anchor-free" | "query";
  readonly task: DetectorTask;
  /** Value of the graph with the predictions. */
  readonly output: string;
  /** Where they come from, for people: the file's own value and its layout. */
  readonly source: string;
  readonly classCount: number;
  /** Columns behind the classes: mask coefficients, keypoints, an angle. */
  readonly extraCount: number;
  readonly hasObjectness: boolean;
  readonly selection: Selection;
  /** Graph output with the mask prototypes `[1, E, h, w]` of a segmentation model. */
  readonly prototypes: string | undefined;
  readonly levels: readonly HeadLevel[];
  /**
   * `centre` is the row's box centre in input pixels: it tells the cell where rows are not laid out on a grid.
   * @throws internal when the row is past the end.
   */
  originOf(row: number, inputSize: Size, centre: readonly [x: number, y: number]): RowOrigin;
  /** Number of rows at this input size; undefined when only a run can tell. */
  rowCount(inputSize: Size): number | undefined;
  /** Cells `[h, w]` of a level. */
  cells(level: number, inputSize: Size): Size;
  /** First row of a level (an index into `levels`) and the one past its last. */
  rowRange(level: number, inputSize: Size): readonly [start: number, end: number];
}

/** What a head is beside its grid. */
export type HeadFacts = Omit<DetectorHead, "levels" | "originOf" | "rowCount" | "cells" | "rowRange">;

/** "P3" for stride 8: log2 of the stride, rounded. */
export function levelName(stride: number): string {
  return `P${Math.round(Math.log2(stride))}`;
}

/**
 * A head whose rows come level after level in the order given, and inside a level anchor by anchor, then line by line
 * (y, then x), as YOLOv5 lays them out. `levels` of the result are sorted finest first.
 */
export function gridHead(facts: HeadFacts, inRowOrder: readonly HeadLevel[]): DetectorHead {
  const levels = [...inRowOrder].sort((a, b) => a.stride - b.stride);
  return {
    ...facts,
    levels,
    rowCount: (inputSize) => inRowOrder.reduce((total, level) => total + rowsOf(level, inputSize), 0),
    cells: (level, inputSize) => cellsOf(levels[level]!, inputSize),
    rowRange(level, inputSize) {
      const before = inRowOrder.slice(0, inRowOrder.indexOf(levels[level]!));
      const start = before.reduce((total, earlier) => total + rowsOf(earlier, inputSize), 0);
      return [start, start + rowsOf(levels[level]!, inputSize)];
    },
    originOf(row, inputSize) {
      let start = 0;
      for (const level of inRowOrder) {
        const count = rowsOf(level, inputSize);
        if (row >= start && row < start + count) {
          return { level: levels.indexOf(level), ...placeInLevel(row - start, level, inputSize) };
        }
        start += count;
      }
      throw new WhyboxError(
        "internal",
        `Row ${row} was asked for; the head has ${start} rows at input size ${inputSize.join("×")}.`,
      );
    },
  };
}

/** Cells `[h, w]` of a level. Convolutions of stride 2 with padding round up. */
export function cellsOf({ stride }: Pick<HeadLevel, "stride">, [height, width]: Size): Size {
  return [Math.ceil(height / stride), Math.ceil(width / stride)];
}

function rowsOf(level: HeadLevel, inputSize: Size): number {
  const [height, width] = cellsOf(level, inputSize);
  return level.anchors * height * width;
}

function placeInLevel(row: number, level: HeadLevel, inputSize: Size): Omit<RowOrigin, "level"> {
  const [height, width] = cellsOf(level, inputSize);
  const cell = row % (height * width);
  return { anchor: Math.floor(row / (height * width)), cell: [cell % width, Math.floor(cell / width)] };
}
