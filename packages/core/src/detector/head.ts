import { WhyboxError } from "../errors.js";
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
  /** Value with the level's own rows `[1, r, 5+K]`, where the output is nothing but the levels' rows one after another. */
  readonly rows: string | undefined;
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
  /** Cells `[h, w]` of a level. */
  cells(level: number, inputSize: Size): Size;
  /** First row of a level (an index into `levels`) and the one past its last. */
  rowRange(level: number, inputSize: Size): readonly [start: number, end: number];
}

/** "P3" for stride 8: log2 of the stride, rounded. */
export function levelName(stride: number): string {
  return `P${Math.round(Math.log2(stride))}`;
}

/**
 * A head whose rows come level after level in the order given, and inside a level anchor by anchor, then line by line
 * (y, then x), as YOLOv5 lays them out. `levels` of the result are sorted finest first.
 */
export function anchorBasedHead(output: string, classCount: number, inRowOrder: readonly HeadLevel[]): DetectorHead {
  const levels = [...inRowOrder].sort((a, b) => a.stride - b.stride);
  return {
    kind: "anchor-based",
    output,
    classCount,
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
function cellsOf({ stride }: HeadLevel, [height, width]: Size): Size {
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
