import type { Size } from "../../image/frame.js";
import { BOX_COLUMNS } from "../../tensor/box-columns.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Predictions } from "../detection.js";
import type { DetectorHead } from "../head.js";
import type { SparseHead, SparseLevel } from "./sparse-head.js";

/** Where a row is computed. */
interface Place {
  readonly level: number;
  readonly anchor: number;
  /** Position of its cell in a map. */
  readonly cell: number;
}

/** Predictions whose boxes and objectness are there, and whose classes are computed for the rows that are asked for. */
export class SparsePredictions implements Predictions {
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly hasObjectness = true;
  readonly extra = undefined;
  readonly boxes: Float32Array;
  readonly #sparse: SparseHead;
  readonly #maps: readonly Tensor[];
  readonly #inputSize: Size;
  readonly #known = new Map<number, Float32Array>();
  #whole: Float32Array | undefined;

  /**
   * @param boxes `[R, 5]`.
   * @param maps per level what its convolution reads, `[1, C, h, w]`.
   */
  constructor(sparse: SparseHead, boxes: Float32Array, maps: readonly Tensor[], inputSize: Size) {
    this.rows = boxes.length / BOX_COLUMNS;
    this.classes = sparse.head.classCount;
    this.columns = BOX_COLUMNS + this.classes;
    this.boxes = boxes;
    this.#sparse = sparse;
    this.#maps = maps;
    this.#inputSize = inputSize;
  }

  /** With the boxes as its output. */
  get head(): DetectorHead {
    return this.#sparse.head;
  }

  /** Every row: as much work as the head that was left out. For whoever reads predictions in a way of their own. */
  get data(): Float32Array {
    if (this.#whole === undefined) {
      const whole = new Float32Array(this.rows * this.columns);
      for (let row = 0; row < this.rows; row++) whole.set(this.row(row), row * this.columns);
      this.#whole = whole;
      this.#known.clear();
    }
    return this.#whole;
  }

  /** The columns of a row. */
  row(row: number): Float32Array {
    if (this.#whole !== undefined) return this.#whole.subarray(row * this.columns, (row + 1) * this.columns);
    const known = this.#known.get(row);
    if (known !== undefined) return known;
    const values = new Float32Array(this.columns);
    values.set(this.boxes.subarray(row * BOX_COLUMNS, (row + 1) * BOX_COLUMNS));
    const { level, anchor, cell } = this.#placeOf(row);
    const { products, bias } = this.#sparse.levels[level]!;
    const first = anchor * this.columns + BOX_COLUMNS;
    const logits = products()(first, this.classes, featuresAt(this.#maps[level]!, cell));
    for (let k = 0; k < this.classes; k++) {
      values[BOX_COLUMNS + k] = 1 / (1 + Math.exp(-(bias[first + k]! + logits[k]!)));
    }
    this.#known.set(row, values);
    return values;
  }

  /** Whether no row holds NaN or infinity. */
  isFinite(): boolean {
    return [this.boxes, ...this.#maps.map((map) => map.data)].every((data) => data.every(Number.isFinite));
  }

  /**
   * What a row carries back to its cell of the map that its level reads, `[C]`.
   * @param gradient by the row's columns.
   * @param boxes d score / d the level's channels of boxes and objectness, `[anchors · 5, h, w]`; left out, the classes alone carry.
   */
  carryBack(
    row: number,
    gradient: Float64Array,
    boxes?: Float32Array,
  ): { readonly cell: number; values: Float64Array } {
    const { level, anchor, cell } = this.#placeOf(row);
    const { weights, channels } = this.#sparse.levels[level]!;
    const [, , h, w] = this.#maps[level]!.dims as [number, number, number, number];
    const own = this.row(row);
    const carried = new Float64Array(channels);
    for (let column = 0; column < this.columns; column++) {
      const p = own[column]!;
      const box = boxes?.[(anchor * BOX_COLUMNS + column) * h * w + cell] ?? 0;
      const slope = column < BOX_COLUMNS ? box : gradient[column]! * p * (1 - p);
      if (slope === 0) continue;
      const first = (anchor * this.columns + column) * channels;
      for (let c = 0; c < channels; c++) carried[c]! += slope * weights[first + c]!;
    }
    return { cell, values: carried };
  }

  /** The level that a row is of. */
  levelOf(row: number): number {
    return this.#placeOf(row).level;
  }

  /** `[1, C, h, w]` of the map that a level reads. */
  mapDims(level: number): readonly number[] {
    return this.#maps[level]!.dims;
  }

  /** The level whose convolution reads a value of the graph; undefined when none does. */
  levelReading(value: string): { readonly index: number; readonly dims: readonly number[] } | undefined {
    const index = this.#sparse.levels.findIndex((level: SparseLevel) => level.input === value);
    return index < 0 ? undefined : { index, dims: this.#maps[index]!.dims };
  }

  #placeOf(row: number): Place {
    // The centre tells the cell of heads without a grid.
    const { level, anchor, cell } = this.#sparse.head.originOf(row, this.#inputSize, [0, 0]);
    const [x, y] = cell;
    return { level, anchor, cell: y * this.#maps[level]!.dims[3]! + x };
  }
}

function featuresAt({ dims, data }: Tensor, cell: number): Float32Array {
  const [, channels, height, width] = dims as [number, number, number, number];
  const features = new Float32Array(channels);
  for (let c = 0, at = cell; c < channels; c++, at += height * width) features[c] = data[at]!;
  return features;
}
