import { BOX_COLUMNS } from "../boxes/box-columns.js";
import type { Size } from "../image/frame.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Predictions } from "./detection.js";
import type { DetectorHead } from "./head.js";
import { AnchorDecoding } from "./heads/anchor-decoding.js";
import type { LazyHead, LazyLevel } from "./heads/lazy-head.js";

/** The values of a forward pass that the rows of a level are computed from. */
export interface LevelValues {
  /** The sigmoids of its box and objectness logits, `[1, anchors · 5, h, w]`. */
  readonly shares: Tensor;
  /** Its head input, `[1, C, h, w]`. */
  readonly features: Tensor;
}

/** The gradient of one row on its level's head input. It is zero except in one cell. */
export interface FeatureGradient {
  /** Index of the cell in the map. */
  readonly cell: number;
  /** By channel. */
  readonly values: Float64Array;
}

interface Level extends LevelValues, Pick<LazyLevel, "weights" | "bias"> {
  readonly decoding: AnchorDecoding;
  readonly first: number;
}

/** Predictions of an anchor-based head. Boxes and objectness are computed at once, the classes of a row when the row is read. */
export class LazyPredictions implements Predictions {
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly hasObjectness = true;
  readonly extra = undefined;
  readonly boxes: Float32Array;
  readonly #head: DetectorHead;
  readonly #inputSize: Size;
  readonly #levels: readonly Level[];
  readonly #known = new Map<number, Float32Array>();
  #all: Float32Array | undefined;

  /** @param values by level. They must stay valid as long as rows are read. */
  constructor(head: DetectorHead, { levels }: LazyHead, values: readonly LevelValues[], inputSize: Size) {
    this.classes = head.classCount;
    this.columns = BOX_COLUMNS + head.classCount;
    this.rows = values.reduce((sum, { shares }) => sum + shares.data.length / BOX_COLUMNS, 0);
    this.boxes = new Float32Array(BOX_COLUMNS * this.rows);
    this.#head = head;
    this.#inputSize = inputSize;
    this.#levels = levels.map((level, i) => {
      const { anchors, stride } = head.levels[i]!;
      const [, , height, width] = values[i]!.features.dims as [number, number, number, number];
      const [first] = head.rowRange(i, inputSize);
      const decoding = new AnchorDecoding({ first, anchors, size: [height, width], stride }, this.columns, level.sides);
      decoding.fillBoxes(this.boxes, values[i]!.shares.data);
      return { weights: level.weights, bias: level.bias, ...values[i]!, decoding, first };
    });
  }

  get data(): Float32Array {
    if (this.#all === undefined) {
      this.#all = new Float32Array(this.rows * this.columns);
      for (let row = 0; row < this.rows; row++) this.#all.set(this.#compute(row), row * this.columns);
    }
    return this.#all;
  }

  /** The arrays that all rows are computed from. */
  get sources(): readonly Float32Array[] {
    return [this.boxes, ...this.#levels.map(({ features }) => features.data)];
  }

  row(row: number): Float32Array {
    const known = this.#known.get(row);
    if (known !== undefined) return known;
    const values = this.#compute(row);
    this.#known.set(row, values);
    return values;
  }

  /** `[C, h, w]` of the head input of a level. */
  featureDims(level: number): readonly [channels: number, height: number, width: number] {
    const [, channels, height, width] = this.#levels[level]!.features.dims as [number, number, number, number];
    return [channels, height, width];
  }

  /** The level of a row. */
  levelOf(row: number): number {
    return this.#placeOf(row).level;
  }

  /** The gradient on the head input, for a gradient on the columns of a row. */
  onFeatures(row: number, gradient: Float64Array): FeatureGradient {
    const { level, anchor, cell } = this.#placeOf(row);
    const { decoding, shares, first, weights } = this.#levels[level]!;
    const [channels, height, width] = this.featureDims(level);
    const own = this.row(row);
    const values = new Float64Array(channels);
    for (let column = 0; column < this.columns; column++) {
      if (gradient[column] === 0) continue;
      const at = (anchor * BOX_COLUMNS + column) * height * width + cell;
      const share = column < 4 ? shares.data[at]! : own[column]!;
      const slope = gradient[column]! * decoding.slope(row - first, column, share);
      const from = (anchor * this.columns + column) * channels;
      for (let c = 0; c < channels; c++) values[c]! += slope * weights[from + c]!;
    }
    return { cell, values };
  }

  #compute(row: number): Float32Array {
    const values = new Float32Array(this.columns);
    values.set(this.boxes.subarray(row * BOX_COLUMNS, (row + 1) * BOX_COLUMNS));
    const { level, anchor, cell } = this.#placeOf(row);
    const { weights, bias, features } = this.#levels[level]!;
    const [, channels, height, width] = features.dims as [number, number, number, number];
    const inputs = new Float32Array(channels);
    for (let c = 0, at = cell; c < channels; c++, at += height * width) inputs[c] = features.data[at]!;
    // Four classes at a time: four sums that do not wait for each other.
    const first = anchor * this.columns;
    for (let column = BOX_COLUMNS; column < this.columns; column += 4) {
      const start = Math.min(column, this.columns - 4);
      let [a, b, c, d] = [0, 0, 0, 0];
      const at = (first + start) * channels;
      for (let i = 0; i < channels; i++) {
        const input = inputs[i]!;
        a += weights[at + i]! * input;
        b += weights[at + channels + i]! * input;
        c += weights[at + 2 * channels + i]! * input;
        d += weights[at + 3 * channels + i]! * input;
      }
      [a, b, c, d].forEach((sum, i) => {
        const column = start + i;
        if (column >= BOX_COLUMNS) values[column] = 1 / (1 + Math.exp(-sum - bias[first + column]!));
      });
    }
    return values;
  }

  #placeOf(row: number): { readonly level: number; readonly anchor: number; readonly cell: number } {
    // The rows are on a grid, so the centre is not used.
    const { level, anchor, cell } = this.#head.originOf(row, this.#inputSize, [0, 0]);
    return { level, anchor, cell: cell[1] * this.#levels[level]!.features.dims[3]! + cell[0] };
  }
}
