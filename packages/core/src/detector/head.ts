import { WhyboxError } from "../errors.js";
import type { Size } from "../image/frame.js";
import type { FamilyPreparation } from "./family-preparation.js";

/** One detection level of a head, finest first. */
export interface HeadLevel {
  /** Input pixels per cell. */
  readonly stride: number;
  /** "P3" for stride 8, "P4" for 16, … (log2 of the stride); "queries" for a head without levels; "image" for a classifier. */
  readonly name: string;
  /** Boxes per cell. */
  readonly anchors: number;
  /** The head inputs: the values that the level's prediction convolutions read. One value, except for heads that read all maps at once. */
  readonly inputs: readonly string[];
  /** Outputs of these convolutions. There are several if boxes, classes, objectness … have separate convolutions. */
  readonly convOutputs: readonly string[];
  /** Value with the rows of the level `[1, r, C]`; undefined unless the predictions are just the concatenated rows of the levels. */
  readonly rows: string | undefined;
  /**
   * Cells `[h, w]` of a map that has this size for every input, because the network resizes its image, or that is no whole share of the input.
   * Undefined: the input size over the stride.
   */
  readonly cells?: Size;
  /** The stride of the coarsest map, if the rows of several strides are one level: the sides of the input are multiples of it. */
  readonly coarsest?: number;
}

/** Where a prediction row comes from. */
export interface RowOrigin {
  readonly level: number;
  readonly anchor: number;
  readonly cell: readonly [x: number, y: number];
}

/** What a model predicts: boxes only, or also masks, keypoints or rotated boxes; or classes of the whole image. */
export type DetectorTask = "detect" | "segment" | "pose" | "obb" | "classify";

/** How boxes are selected from the rows of a model. */
export interface Selection {
  /** Whether overlapping boxes are suppressed. End-to-end models are trained to predict one box per object. */
  readonly nms: boolean;
  /** Whether a row is a candidate for its best class only, or for every class above the threshold. */
  readonly labels: "best" | "all";
  /** IoU threshold of a suppression inside the model. That suppression is removed, and the threshold in the options is used. */
  readonly iou?: number;
}

/**
 * A detection head found in a graph. Its predictions `[1, R, 5+K+E]` always have the same layout, regardless of the layout in the file: x, y, w, h
 * (centre form, input pixels), objectness (1 if the head has none), K class probabilities, E extra columns.
 */
export interface DetectorHead {
  /**
   * A black box has no rows before its own selection, so nothing can be differentiated. A classifier has one row, whose box is the whole input.
   */
  readonly kind: "anchor-based" | "anchor-free" | "query" | "black-box" | "classifier";
  readonly task: DetectorTask;
  /** The value in the graph that holds the predictions. */
  readonly output: string;
  /** A description of the original value in the file and its layout, for display. */
  readonly source: string;
  readonly classCount: number;
  /** Number of columns after the classes: mask coefficients, keypoints, an angle, or the logits of a classifier. */
  readonly extraCount: number;
  readonly hasObjectness: boolean;
  /** True if the classes are a softmax with one more class for "no object", as in DETR. */
  readonly hasBackground?: true;
  /** True if the labels in the file count from 1, and 0 is the background, which is no class here. */
  readonly labelsFromOne?: true;
  readonly selection: Selection;
  /** Graph output with the mask prototypes `[1, E, h, w]` of a segmentation model. */
  readonly prototypes: string | undefined;
  /** What the file does not tell and Whybox assumes, for display. */
  readonly assumed?: readonly string[];
  /** The classes of the family that has such outputs. Names that are given, or that the file has, come first. */
  readonly familyNames?: readonly string[];
  /** How images are prepared for the family that has such outputs. Options, the graph and the metadata come first. */
  readonly preparation?: FamilyPreparation;
  readonly levels: readonly HeadLevel[];
  /** Whether the rows belong to the cells of the levels. */
  readonly hasCells: boolean;
  /**
   * The level, anchor and cell of a row.
   * @param centre box centre of the row in input pixels. It gives the cell if the rows are not on a grid.
   * @throws internal when the row is past the end.
   */
  originOf(row: number, inputSize: Size, centre: readonly [x: number, y: number]): RowOrigin;
  /** Number of rows at this input size; undefined if it is known only after a run. */
  rowCount(inputSize: Size): number | undefined;
  /** Cells `[h, w]` of a level. */
  cells(level: number, inputSize: Size): Size;
  /** First row of a level (an index into `levels`), and the row after its last one. */
  rowRange(level: number, inputSize: Size): readonly [start: number, end: number];
}

/** The properties of a head that do not depend on its grid. */
export type HeadFacts = Omit<DetectorHead, "levels" | "hasCells" | "originOf" | "rowCount" | "cells" | "rowRange">;

/** "P3" for stride 8: log2 of the stride, rounded. */
export function levelName(stride: number): string {
  return `P${Math.round(Math.log2(stride))}`;
}

/**
 * Creates a head whose rows are ordered by level (in the given order), then by anchor, then by y, then by x. This is the order of YOLOv5.
 * The `levels` of the result are sorted finest first.
 */
export function gridHead(facts: HeadFacts, inRowOrder: readonly HeadLevel[]): DetectorHead {
  const levels = [...inRowOrder].sort((a, b) => a.stride - b.stride);
  return {
    ...facts,
    levels,
    hasCells: true,
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
        `Row ${row} does not exist. The head has ${start} rows at input size ${inputSize.join("×")}.`,
      );
    },
  };
}

/** Creates a head without a grid: its rows belong to no cell, and one level has them all. */
export function gridlessHead(facts: HeadFacts, level: HeadLevel): DetectorHead {
  return {
    ...facts,
    levels: [level],
    hasCells: false,
    rowCount: () => undefined,
    cells: (_, inputSize) => cellsOf(level, inputSize),
    rowRange: () => [0, Number.MAX_SAFE_INTEGER],
    originOf(_, inputSize, [x, y]) {
      const [height, width] = cellsOf(level, inputSize);
      const cell = (position: number, count: number) =>
        Math.min(Math.max(Math.floor(position / level.stride), 0), count - 1);
      return { level: 0, anchor: 0, cell: [cell(x, width), cell(y, height)] };
    },
  };
}

/** Cells `[h, w]` of a level. The size is rounded up, as by convolutions of stride 2 with padding. */
export function cellsOf({ stride, cells }: Pick<HeadLevel, "stride" | "cells">, [height, width]: Size): Size {
  return cells ?? [Math.ceil(height / stride), Math.ceil(width / stride)];
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
