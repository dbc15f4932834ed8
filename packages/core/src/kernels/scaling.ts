import type { Map2D } from "../tensor/tensor.js";

/** Makes `(value - low) / divisor / maximum` of a value, each step in float32. */
export interface Scaling {
  readonly low: number;
  readonly divisor: number;
  readonly maximum: number;
}

/** A map whose values are still to be scaled: a resize does it on the way, a few rows at a time. */
export interface ScaledMap {
  readonly values: Map2D;
  /** Undefined for values that are final. */
  readonly scaling?: Scaling | undefined;
}
