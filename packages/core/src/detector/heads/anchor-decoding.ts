import { BOX_COLUMNS } from "../../boxes/box-columns.js";
import type { Predictions } from "../detection.js";

/** Predictions that are computed already. */
type Table = Pick<Predictions, "data" | "columns" | "classes">;

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

  /**
   * @param extra the first column of mask coefficients.
   * @param sides width and height of each anchor, in turn.
   */
  constructor(rows: AnchorRows, extra: number, sides: readonly number[]) {
    this.#rows = rows;
    this.#extra = extra;
    this.#sides = sides;
  }

  /** Reads the anchors from predictions and their logits `[anchors · columns, h, w]`. Undefined if any box of the level is decoded in another way. */
  static read(rows: AnchorRows, predictions: Table, logits: Float32Array): AnchorDecoding | undefined {
    const { data, columns, classes = columns - BOX_COLUMNS } = predictions;
    const cells = rows.size[0] * rows.size[1];
    const sides = Array.from({ length: 2 * rows.anchors }, (_, i) => {
      const [anchor, column] = [Math.floor(i / 2), 2 + (i % 2)];
      const share = sigmoid(logits[(anchor * columns + column) * cells]!);
      return data[(rows.first + anchor * cells) * columns + column]! / (2 * share) ** 2;
    });
    const decoding = new AnchorDecoding(rows, BOX_COLUMNS + classes, sides);
    for (let row = 0; row < rows.anchors * cells; row++)
      if (!decoding.gives(predictions, logits, row, 4)) return undefined;
    return decoding;
  }

  /** Width and height of each anchor, in turn. */
  get sides(): readonly number[] {
    return this.#sides;
  }

  /** Whether the first `count` columns of a row of the level are decoded in this way. */
  gives({ data, columns }: Table, logits: Float32Array, row: number, count: number): boolean {
    const { first, size, stride } = this.#rows;
    const cells = size[0] * size[1];
    const anchor = Math.floor(row / cells);
    for (let column = 0; column < count; column++) {
      const wanted = data[(first + row) * columns + column]!;
      const unit = column < 2 ? stride : Math.max(Math.abs(wanted), 1e-2);
      const logit = logits[(anchor * columns + column) * cells + row - anchor * cells]!;
      if (!(Math.abs(this.value(row, column, logit) - wanted) <= TOLERANCE * unit)) return false;
    }
    return true;
  }

  /** What makes a box of its sigmoids: `x = scale[0] · σ + start[0]`, the same for y, and `w = scale[2] · σ²`, the same for h. */
  boxTerms(row: number): { readonly scale: readonly number[]; readonly start: readonly number[] } {
    return {
      scale: [0, 1, 2, 3].map((column) => this.#scale(row, column)),
      start: [0, 1].map((column) => this.#start(row, column)),
    };
  }

  #scale(row: number, column: number): number {
    const { size, stride } = this.#rows;
    if (column < 2) return 2 * stride;
    return 4 * this.#sides[2 * Math.floor(row / (size[0] * size[1])) + column - 2]!;
  }

  #start(row: number, column: number): number {
    const { size, stride } = this.#rows;
    const cell = row % (size[0] * size[1]);
    const y = Math.floor(cell / size[1]);
    return ((column === 0 ? cell - y * size[1] : y) - 0.5) * stride;
  }

  /** The value of a column of a row of the level, for a logit. */
  value(row: number, column: number, logit: number): number {
    if (column >= this.#extra) return logit;
    const share = sigmoid(logit);
    if (column >= 4) return share;
    const scaled = this.#scale(row, column) * share;
    return column < 2 ? scaled + this.#start(row, column) : scaled * share;
  }

  /** The derivative of a value before the mask coefficients by its logit, for the sigmoid of the logit. */
  slope(row: number, column: number, share: number): number {
    const slope = share * (1 - share);
    if (column >= 4) return slope;
    if (column < 2) return 2 * this.#rows.stride * slope;
    const cells = this.#rows.size[0] * this.#rows.size[1];
    return 8 * share * this.#sides[2 * Math.floor(row / cells) + column - 2]! * slope;
  }

  /**
   * Writes x, y, w, h and objectness of all rows of the level into a table `[R, 5]`.
   * @param shares the sigmoids of their logits, `[anchors · 5, h, w]`.
   */
  fillBoxes(table: Float32Array, shares: Float32Array): void {
    const { first, anchors, size, stride } = this.#rows;
    const [height, width] = size;
    const cells = height * width;
    for (let anchor = 0; anchor < anchors; anchor++) {
      const [x, y, w, h, objectness] = [0, 1, 2, 3, 4].map((column) => (anchor * BOX_COLUMNS + column) * cells) as Five;
      const [wide, high] = [4 * this.#sides[2 * anchor]!, 4 * this.#sides[2 * anchor + 1]!];
      let to = (first + anchor * cells) * BOX_COLUMNS;
      for (let row = 0, cell = 0; row < height; row++) {
        for (let column = 0; column < width; column++, cell++, to += BOX_COLUMNS) {
          table[to] = (2 * shares[x + cell]! - 0.5 + column) * stride;
          table[to + 1] = (2 * shares[y + cell]! - 0.5 + row) * stride;
          const across = shares[w + cell]!;
          const down = shares[h + cell]!;
          table[to + 2] = wide * across * across;
          table[to + 3] = high * down * down;
          table[to + 4] = shares[objectness + cell]!;
        }
      }
    }
  }
}

type Five = [number, number, number, number, number];

export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}
