import type { Map2D } from "../tensor/tensor.js";

/** Scales a value: `(value - low) / divisor / maximum`. Each step is float32. */
export interface Scaling {
  readonly low: number;
  readonly divisor: number;
  readonly maximum: number;
}

/** A map with a pending scaling. A resize applies it, a few rows at a time. */
export interface ScaledMap {
  readonly values: Map2D;
  /** Undefined if the values are final. */
  readonly scaling?: Scaling | undefined;
}
