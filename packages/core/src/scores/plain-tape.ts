import type { Scalar, Tape } from "./tape.js";

/** A tape that computes values and records nothing. It has no derivatives. */
export const plainTape: Tape = {
  leaf: constant,
  constant,
  add: (a, b) => constant(a.value + b.value),
  sub: (a, b) => constant(a.value - b.value),
  mul: (a, b) => constant(a.value * b.value),
  div: (a, b) => constant(a.value / b.value),
  max: (a, b) => constant(Math.max(a.value, b.value)),
  min: (a, b) => constant(Math.min(a.value, b.value)),
  clampMin: (a, bound) => constant(Math.max(a.value, bound)),
  float32: (a) => constant(Math.fround(a.value)),
  log: (a) => constant(Math.log(a.value)),
  exp: (a) => constant(Math.exp(a.value)),
  cos: (a) => constant(Math.cos(a.value)),
  sin: (a) => constant(Math.sin(a.value)),
  sum: (terms) => constant(terms.reduce((total, { value }) => total + value, 0)),
  computed: constant,
  gradient: () => new Float64Array(0),
  hessianVector: () => new Float64Array(0),
};

function constant(value: number): Scalar {
  return { value, id: -1 };
}
