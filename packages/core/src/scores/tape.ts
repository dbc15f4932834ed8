/**
 * Reverse-mode autodiff on scalars, in float64. Scores are written with it as plain arithmetic; nothing else uses it.
 */
export interface Scalar {
  readonly value: number;
  /** Position on the tape that made it; −1 for constants. */
  readonly id: number;
}

export interface Tape {
  /** A value with a derivative. */
  leaf(value: number): Scalar;
  constant(value: number): Scalar;
  add(a: Scalar, b: Scalar): Scalar;
  sub(a: Scalar, b: Scalar): Scalar;
  mul(a: Scalar, b: Scalar): Scalar;
  div(a: Scalar, b: Scalar): Scalar;
  /** Larger of the two; at a tie each side gets half the gradient, as in PyTorch. */
  max(a: Scalar, b: Scalar): Scalar;
  /** Smaller of the two; at a tie each side gets half the gradient, as in PyTorch. */
  min(a: Scalar, b: Scalar): Scalar;
  /** max(a, 0) with PyTorch's clamp: the gradient passes at a ≥ 0. */
  clampMin(a: Scalar, bound: number): Scalar;
  log(a: Scalar): Scalar;
  exp(a: Scalar): Scalar;
  sum(terms: readonly Scalar[]): Scalar;
  /** d result / d each leaf, indexed by the leaf's id. */
  gradient(result: Scalar): Float64Array;
}
