/** Arithmetic on one kind of value: numbers, or values of a graph. A formula on it is written once and serves both. */
export interface Arithmetic<V> {
  times(a: V, b: V): V;
  /** `max(a, 0)`. NaN stays NaN, and −∞ becomes NaN, so that a sum shows both. */
  positive(a: V): V;
}

/** A formula of a gradient and the activation at the same place. */
export type ProductTerm = <V>(on: Arithmetic<V>, gradient: V, activation: V) => V;

export const numbers: Arithmetic<number> = {
  times: (a, b) => a * b,
  positive: (a) => (a + Math.abs(a)) / 2,
};
