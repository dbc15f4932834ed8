import type { Predictions } from "../../detector/detection.js";
import { type AnchorDecoding, type AnchorRows, sigmoid } from "../../detector/heads/anchor-decoding.js";
import type { Box } from "../../image/frame.js";
import { CLASS_COLUMN, classesOf, extraStart } from "../../scores/columns.js";
import { iouOfRow, nearestAmong, nearestRows } from "../../scores/iou.js";
import { maskMean } from "../../scores/mask.js";
import { plainTape } from "../../scores/plain-tape.js";
import type { Scalar } from "../../scores/tape.js";
import { bestClass, isFiniteRow, type ValueView } from "../../scores/weighted.js";

/** A 1×1 convolution that makes all logits of a level from its head input: `logits[k] = Σ_c weights[c][k] · A[c] + bias[k]`. */
export interface HeadConv {
  readonly rows: AnchorRows;
  /** Weights by channel, `[C, K]`. */
  readonly weights: Float32Array;
  /** Logits `[K, h, w]` of the unchanged activations. */
  readonly logits: Float32Array;
  readonly decoding: AnchorDecoding;
}

interface ChannelRowsRequest {
  readonly base: Predictions;
  readonly conv: HeadConv;
  /** The rows that scores may read, in ascending order. Those of the level of `conv` change. */
  readonly rows: readonly number[];
  /** Box → the rows that may be among its nearest, in ascending order. */
  readonly near: ReadonlyMap<Box<"input">, readonly number[]>;
}

/** Beyond these logits, sigmoids of different logits may be the same float32. */
const SATURATION = { low: -80, high: 8 } as const;

/**
 * Rows of the predictions with one channel of a head input replaced. Rows are counted by their position in the list of rows. The boxes are computed for each channel, any
 * other value when a score reads it. For values only, without derivatives.
 */
export class ChannelRows implements ValueView {
  readonly tape = plainTape;
  readonly predictions: Predictions;
  readonly #base: Predictions;
  readonly #conv: HeadConv;
  readonly #rows: readonly number[];
  readonly #near: ReadonlyMap<Box<"input">, readonly number[]>;
  /** The row within the level. −1 for rows of other levels. */
  readonly #local: Int32Array;
  /** Logits of the unchanged activations, `[rows, columns]`. */
  readonly #logits: Float32Array;
  /** Sigmoids of the logits of x, y, w, h of the unchanged activations. */
  readonly #boxShares: Float64Array;
  /** Scales of x, y, w, h and starts of x, y of each row that changes. */
  readonly #boxTerms: Float64Array;
  /** x, y, w, h of each row. */
  readonly #boxes: Predictions;
  readonly #isFinite: readonly boolean[];
  /** The best class of each unchanged row. */
  readonly #best: Int32Array;
  /** The best class of a row stays the same while twice its logits change less than this. */
  readonly #margins: Float64Array;
  /** The largest weight of a class, by channel and anchor. */
  readonly #largest: Float64Array;
  /** What is added to the replaced channel at the cell of each row. */
  readonly #changes: Float64Array;
  #channel = 0;
  /** All columns of all rows, if a score reads them. */
  #table: Float32Array | undefined;

  constructor({ base, conv, rows, near }: ChannelRowsRequest) {
    const place = new Map(rows.map((row, i) => [row, i]));
    const { first, anchors, size } = conv.rows;
    const { columns, boxes: _, data, ...facts } = base;
    const cells = size[0] * size[1];
    this.#base = base;
    this.#conv = conv;
    this.#rows = rows;
    this.#near = new Map([...near].map(([box, list]) => [box, list.map((row) => place.get(row)!)]));
    this.#local = Int32Array.from(rows, (row) => (row >= first && row < first + anchors * cells ? row - first : -1));
    this.#logits = new Float32Array(rows.length * columns);
    this.#isFinite = rows.map((row) => isFiniteRow(base, row));
    this.#changes = new Float64Array(rows.length);
    const boxes = new Float32Array(4 * rows.length);
    this.#boxTerms = new Float64Array(6 * rows.length);
    rows.forEach((row, i) => {
      boxes.set(data.subarray(row * columns, row * columns + 4), 4 * i);
      if (this.#local[i]! < 0) return;
      const { scale, start } = conv.decoding.boxTerms(this.#local[i]!);
      this.#boxTerms.set([...scale, ...start], 6 * i);
      const [anchor, cell] = [Math.floor(this.#local[i]! / cells), this.#local[i]! % cells];
      for (let column = 0; column < columns; column++)
        this.#logits[i * columns + column] = conv.logits[(anchor * columns + column) * cells + cell]!;
    });
    this.#boxes = { rows: rows.length, columns: 4, data: boxes };
    const boxLogit = (i: number): number => this.#logits[Math.floor(i / 4) * columns + (i % 4)]!;
    this.#boxShares = Float64Array.from({ length: 4 * rows.length }, (_, i) => sigmoid(boxLogit(i)));
    this.#best = Int32Array.from(rows, (row) => bestClass(base, row));
    this.#margins = Float64Array.from(rows, (_, i) => this.#marginOf(i));
    this.#largest = Float64Array.from({ length: conv.weights.length / columns }, (_, i) =>
      largestIn(conv.weights, i * columns + CLASS_COLUMN, i * columns + extraStart(base)),
    );
    const all = (): Float32Array => this.#all();
    this.predictions = {
      ...{ ...facts, columns, rows: rows.length },
      get data() {
        return all();
      },
    };
  }

  /** Replaces another channel. `changeOf` returns what is added to it at a cell. */
  replace(channel: number, changeOf: (cell: number) => number): void {
    this.#channel = channel;
    this.#table = undefined;
    const { data } = this.#boxes;
    const [shares, terms] = [this.#boxShares, this.#boxTerms];
    const { weights, rows } = this.#conv;
    const cells = rows.size[0] * rows.size[1];
    for (let row = 0; row < this.#rows.length; row++) {
      if (this.#local[row]! < 0) continue;
      const change = changeOf(this.#local[row]! % cells);
      this.#changes[row] = change;
      const first = this.#firstWeight(row);
      for (let column = 0; column < 4; column++) {
        const share = movedSigmoid(shares[4 * row + column]!, weights[first + column]! * change);
        const scaled = terms[6 * row + column]! * share;
        data[4 * row + column] = column < 2 ? scaled + terms[6 * row + 4 + column]! : scaled * share;
      }
    }
  }

  at = (row: number, column: number): Scalar => plainTape.constant(this.value(row, column));

  value(row: number, column: number): number {
    const { data, columns } = this.#base;
    if (column >= columns) return Number.NaN;
    if (this.#local[row]! < 0) return data[this.#rows[row]! * columns + column]!;
    if (column < 4) return this.#boxes.data[4 * row + column]!;
    const weight = this.#conv.weights[this.#firstWeight(row) + column]!;
    const logit = this.#logits[row * columns + column]! + weight * this.#changes[row]!;
    return Math.fround(this.#conv.decoding.value(this.#local[row]!, column, logit));
  }

  iou(row: number, box: Box<"input">): number {
    return iouOfRow(this.#boxes, row, box);
  }

  maskProbability(row: number, cells: readonly number[]): Scalar {
    return plainTape.constant(maskMean(this.predictions, row, cells).value);
  }

  nearest(box: Box<"input">, count: number): readonly number[] {
    const near = this.#near.get(box);
    return near === undefined ? nearestRows(this.predictions, box, count) : nearestAmong(this.#boxes, near, box, count);
  }

  /** The changes of logits are finite, so that a row stays what it was. */
  isFiniteRow(row: number): boolean {
    return this.#isFinite[row]!;
  }

  bestClass(row: number): number {
    if (this.#local[row]! < 0) return this.#best[row]!;
    const first = this.#firstWeight(row);
    const largest = this.#largest[first / this.#base.columns]!;
    const change = this.#changes[row]!;
    if (2 * largest * Math.abs(change) < this.#margins[row]!) return this.#best[row]!;
    const { weights } = this.#conv;
    const own = row * this.#base.columns + CLASS_COLUMN;
    const logit = (k: number): number => this.#logits[own + k]! + weights[first + CLASS_COLUMN + k]! * change;
    const best = highest(classesOf(this.#base), logit);
    if (logit(best) > SATURATION.low && logit(best) < SATURATION.high) return best;
    return highest(classesOf(this.#base), (k) => this.value(row, CLASS_COLUMN + k));
  }

  #marginOf(row: number): number {
    const first = row * this.#base.columns + CLASS_COLUMN;
    const best = this.#logits[first + this.#best[row]!]!;
    let second = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classesOf(this.#base); k++)
      if (k !== this.#best[row]) second = Math.max(second, this.#logits[first + k]!);
    return Math.min(best - second, 2 * (SATURATION.high - best), 2 * (best - SATURATION.low));
  }

  /** The position of the weights between the channel and the logits of the row. */
  #firstWeight(row: number): number {
    const { anchors, size } = this.#conv.rows;
    const anchor = Math.floor(this.#local[row]! / (size[0] * size[1]));
    return (this.#channel * anchors + anchor) * this.#base.columns;
  }

  #all(): Float32Array {
    const { columns } = this.#base;
    this.#table ??= Float32Array.from({ length: this.#rows.length * columns }, (_, i) =>
      this.value(Math.floor(i / columns), i % columns),
    );
    return this.#table;
  }
}

/** The index of the highest of some values. At a tie, the first. */
function highest(count: number, at: (k: number) => number): number {
  let best = 0;
  let most = at(0);
  for (let k = 1; k < count; k++) {
    const value = at(k);
    if (value <= most) continue;
    best = k;
    most = value;
  }
  return best;
}

function largestIn(values: Float32Array, start: number, end: number): number {
  let most = 0;
  for (let i = start; i < end; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

/** σ(l + change) for `share` = σ(l). The series for small changes is exact to 1e-10, and several times faster than the exponential function. */
function movedSigmoid(share: number, change: number): number {
  const x = -change;
  const isSmall = x < 0.125 && x > -0.125;
  const power = isSmall
    ? 1 + x * (1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720))))))
    : Math.exp(x);
  return share / (share + (1 - share) * power);
}
