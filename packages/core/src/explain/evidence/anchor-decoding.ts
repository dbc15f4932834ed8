import type { Predictions } from "../../detector/detection.js";
import { extraStart } from "../../scores/columns.js";

/** The rows of one level of an anchor-based head, ordered by anchor, then by cell. */
export interface AnchorRows {
  /** The first row of the level in the predictions. */
  readonly first: number;
  readonly anchors: number;
  /** Cells `[h, w]`. */
  readonly size: readonly [height: number, width: number];
  readonly stride: number;
}

/** Largest accepted difference between a prediction and its decoded logit: relative, and for xy in strides. */
const TOLERANCE = 1e-4;

/**
 * The decoding of YOLOv5 for one level, on single values. With σ the sigmoid of the logit: xy = (2σ − ½ + cell) · stride, wh = (2σ)² · anchor, σ for objectness
 * and classes, the logit itself for mask coefficients. Every value grows with its logit.
 */
export class AnchorDecoding {
  readonly #rows: AnchorRows;
  readonly #extra: number;
  /** Width and height of each anchor, in turn. */
  readonly #sides: readonly number[];

  private constructor(rows: AnchorRows, extra: number, sides: readonly number[]) {
    this.#rows = rows;
    this.#extra = extra;
    this.#sides = sides;
  }

  /** Reads the anchors from predictions and their logits `[anchors · columns, h, w]`. Undefined if any value of the level is decoded in another way. */
  static read(rows: AnchorRows, predictions: Predictions, logits: Float32Array): AnchorDecoding | undefined {
    const { data, columns } = predictions;
    const cells = rows.size[0] * rows.size[1];
    const found = (row: number, column: number): number => data[(rows.first + row) * columns + column]!;
    const logit = (row: number, column: number): number => {
      const anchor = Math.floor(row / cells);
      return logits[(anchor * columns + column) * cells + (row - anchor * cells)]!;
    };
    const sides = Array.from({ length: 2 * rows.anchors }, (_, i) => {
      const [row, column] = [Math.floor(i / 2) * cells, 2 + (i % 2)];
      return found(row, column) / (2 * sigmoid(logit(row, column))) ** 2;
    });
    const decoding = new AnchorDecoding(rows, extraStart(predictions), sides);
    for (let row = 0; row < rows.anchors * cells; row++) {
      for (let column = 0; column < columns; column++) {
        const wanted = found(row, column);
        const unit = column < 2 ? rows.stride : Math.max(Math.abs(wanted), 1e-2);
        const difference = Math.abs(decoding.value(row, column, logit(row, column)) - wanted);
        if (!(difference <= TOLERANCE * unit)) return undefined;
      }
    }
    return decoding;
  }

  /** The value of a column of a row of the level, for a logit. */
  value(row: number, column: number, logit: number): number {
    return column < this.#extra ? this.ofSigmoid(row, column, sigmoid(logit)) : logit;
  }

  /** The value of a column before the mask coefficients, for the sigmoid of its logit. */
  ofSigmoid(row: number, column: number, share: number): number {
    if (column >= 4) return share;
    const { size, stride } = this.#rows;
    const cells = size[0] * size[1];
    const anchor = Math.floor(row / cells);
    if (column >= 2) return (2 * share) ** 2 * this.#sides[2 * anchor + column - 2]!;
    const cell = row - anchor * cells;
    const y = Math.floor(cell / size[1]);
    return (2 * share - 0.5 + (column === 0 ? cell - y * size[1] : y)) * stride;
  }
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}
