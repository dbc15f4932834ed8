import type { Map2D } from "../tensor/tensor.js";
import { rescale } from "./range.js";

/** Makes `(value - low) / divisor / maximum` of a value. */
export type Scaling = readonly [low: number, divisor: number, maximum: number];

/**
 * A map that uses up another one: its values are scaled where they lie, when they are first read. A map that is only resized is scaled on the
 * way, a few rows at a time.
 */
export class ScaledMap implements Map2D {
  readonly height: number;
  readonly width: number;
  /** The largest value, where it is known. */
  maximum: number | undefined;
  readonly #values: Map2D;
  #scaling: Scaling | undefined;

  constructor(values: Map2D, scaling: Scaling, maximum?: number) {
    this.height = values.height;
    this.width = values.width;
    this.maximum = maximum;
    this.#values = values;
    this.#scaling = scaling;
  }

  get data(): Float32Array {
    const { data } = this.#values;
    if (this.#scaling !== undefined) rescale(data, ...this.#scaling);
    this.#scaling = undefined;
    return data;
  }

  /** Once more, in place. */
  divide(by: number): void {
    this.maximum = undefined;
    // Two divisions are as many as a scaling holds.
    if (this.#scaling?.[2] !== 1) rescale(this.data, 0, by, 1);
    else this.#scaling = [this.#scaling[0], this.#scaling[1], by];
  }

  /** The values as they are, and what is still to be done to them. */
  unread(): readonly [values: Map2D, scaling: Scaling | undefined] {
    return [this.#values, this.#scaling];
  }
}
