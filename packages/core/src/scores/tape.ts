/** Reverse-mode autodiff on scalars, in float64. Only scores use it. They are written as plain arithmetic. */
export interface Scalar {
  readonly value: number;
  /** Position on its tape. −1 for constants. */
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
  /** The larger of the two. At a tie, each side gets half of the gradient, as in PyTorch. */
  max(a: Scalar, b: Scalar): Scalar;
  /** The smaller of the two. At a tie, each side gets half of the gradient, as in PyTorch. */
  min(a: Scalar, b: Scalar): Scalar;
  /** max(a, 0) like PyTorch's clamp: the gradient passes if a ≥ 0. */
  clampMin(a: Scalar, bound: number): Scalar;
  /** The nearest float32, for steps that the reference computes in single precision. The gradient passes unchanged. */
  float32(a: Scalar): Scalar;
  log(a: Scalar): Scalar;
  exp(a: Scalar): Scalar;
  cos(a: Scalar): Scalar;
  sin(a: Scalar): Scalar;
  sum(terms: readonly Scalar[]): Scalar;
  /** A value that is computed elsewhere, with its derivative by each input. Its second derivatives are assumed to be zero. */
  computed(value: number, inputs: readonly Scalar[], slopes: ArrayLike<number>): Scalar;
  /** d result / d each leaf, indexed by the leaf's id. */
  gradient(result: Scalar): Float64Array;
  /**
   * The derivative of `gradient` when each leaf changes by its tangent: the Hessian times the tangent, indexed by the leaf's id. At a tie of
   * max or min the shares do not change, as in PyTorch.
   */
  hessianVector(result: Scalar, tangentOf: (id: number) => number): Float64Array;
}

/** Creates an empty tape. Scalars of one tape must not be used on another tape. */
export function createTape(): Tape {
  return new ListTape();
}

/** Second derivatives of an operation of a and b. */
interface Curvature {
  readonly aa?: number;
  readonly ab?: number;
  readonly bb?: number;
}

const FLAT: Curvature = {};

/** A value with its parents on the tape and the local derivatives. */
interface Operation {
  readonly value: number;
  /** Id of the first operand; −1 for a constant. */
  readonly a: number;
  readonly slopeA: number;
  /** Default: no second operand. */
  readonly b?: number;
  readonly slopeB?: number;
  readonly curvature?: Curvature;
}

/** For each entry its two parents (−1: none) and the local derivatives, in flat lists. Parents always precede their entry. */
class ListTape implements Tape {
  readonly #parentA: number[] = [];
  readonly #parentB: number[] = [];
  readonly #slopeA: number[] = [];
  readonly #slopeB: number[] = [];
  readonly #curvature: Curvature[] = [];

  leaf(value: number): Scalar {
    return this.#append({ value, a: -1, slopeA: 0 });
  }

  constant(value: number): Scalar {
    return { value, id: -1 };
  }

  add(a: Scalar, b: Scalar): Scalar {
    return this.#push({ value: a.value + b.value, a: a.id, slopeA: 1, b: b.id, slopeB: 1 });
  }

  sub(a: Scalar, b: Scalar): Scalar {
    return this.#push({ value: a.value - b.value, a: a.id, slopeA: 1, b: b.id, slopeB: -1 });
  }

  mul(a: Scalar, b: Scalar): Scalar {
    return this.#push({
      value: a.value * b.value,
      a: a.id,
      slopeA: b.value,
      b: b.id,
      slopeB: a.value,
      curvature: { ab: 1 },
    });
  }

  div(a: Scalar, b: Scalar): Scalar {
    const value = a.value / b.value;
    const ab = -1 / b.value ** 2;
    return this.#push({
      value,
      a: a.id,
      slopeA: 1 / b.value,
      b: b.id,
      slopeB: -value / b.value,
      curvature: { ab, bb: (2 * value) / b.value ** 2 },
    });
  }

  max(a: Scalar, b: Scalar): Scalar {
    const share = shareOf(a.value, b.value);
    return this.#push({ value: Math.max(a.value, b.value), a: a.id, slopeA: share, b: b.id, slopeB: 1 - share });
  }

  min(a: Scalar, b: Scalar): Scalar {
    const share = shareOf(b.value, a.value);
    return this.#push({ value: Math.min(a.value, b.value), a: a.id, slopeA: share, b: b.id, slopeB: 1 - share });
  }

  clampMin(a: Scalar, bound: number): Scalar {
    return this.#push({ value: Math.max(a.value, bound), a: a.id, slopeA: a.value >= bound ? 1 : 0 });
  }

  float32(a: Scalar): Scalar {
    return this.#push({ value: Math.fround(a.value), a: a.id, slopeA: 1 });
  }

  log(a: Scalar): Scalar {
    return this.#push({ value: Math.log(a.value), a: a.id, slopeA: 1 / a.value, curvature: { aa: -1 / a.value ** 2 } });
  }

  exp(a: Scalar): Scalar {
    const value = Math.exp(a.value);
    return this.#push({ value, a: a.id, slopeA: value, curvature: { aa: value } });
  }

  cos(a: Scalar): Scalar {
    const value = Math.cos(a.value);
    return this.#push({ value, a: a.id, slopeA: -Math.sin(a.value), curvature: { aa: -value } });
  }

  sin(a: Scalar): Scalar {
    const value = Math.sin(a.value);
    return this.#push({ value, a: a.id, slopeA: Math.cos(a.value), curvature: { aa: -value } });
  }

  sum(terms: readonly Scalar[]): Scalar {
    return terms.reduce((total, term) => this.add(total, term), this.constant(0));
  }

  computed(value: number, inputs: readonly Scalar[], slopes: ArrayLike<number>): Scalar {
    let last: Scalar = this.constant(value);
    inputs.forEach((input, i) => {
      last = this.#push({ value, a: last.id, slopeA: 1, b: input.id, slopeB: slopes[i]! });
    });
    return last;
  }

  gradient(result: Scalar): Float64Array {
    const gradient = new Float64Array(this.#parentA.length);
    if (result.id < 0) return gradient;
    gradient[result.id] = 1;
    for (let i = result.id; i >= 0; i--) {
      const flow = gradient[i]!;
      // Skip zeros: zero times an infinite derivative is NaN.
      if (flow === 0) continue;
      this.#pass(gradient, this.#parentA[i]!, flow, this.#slopeA[i]!);
      this.#pass(gradient, this.#parentB[i]!, flow, this.#slopeB[i]!);
    }
    return gradient;
  }

  hessianVector(result: Scalar, tangentOf: (id: number) => number): Float64Array {
    const gradient = this.gradient(result);
    const tangent = this.#tangents(tangentOf);
    const moved = new Float64Array(gradient.length);
    for (let i = result.id; i >= 0; i--) {
      const [a, b] = [this.#parentA[i]!, this.#parentB[i]!];
      const { aa = 0, ab = 0, bb = 0 } = this.#curvature[i]!;
      const [da, db] = [tangent[a] ?? 0, tangent[b] ?? 0];
      this.#pass(moved, a, moved[i]!, this.#slopeA[i]!);
      this.#pass(moved, b, moved[i]!, this.#slopeB[i]!);
      this.#pass(moved, a, gradient[i]!, aa * da + ab * db);
      this.#pass(moved, b, gradient[i]!, ab * da + bb * db);
    }
    return moved;
  }

  /** The tangent of each entry. */
  #tangents(tangentOf: (id: number) => number): Float64Array {
    const tangent = new Float64Array(this.#parentA.length);
    for (let i = 0; i < tangent.length; i++) {
      const [a, b] = [this.#parentA[i]!, this.#parentB[i]!];
      if (a < 0 && b < 0) tangent[i] = tangentOf(i);
      else tangent[i] = (a < 0 ? 0 : this.#slopeA[i]! * tangent[a]!) + (b < 0 ? 0 : this.#slopeB[i]! * tangent[b]!);
    }
    return tangent;
  }

  #pass(gradient: Float64Array, parent: number, flow: number, slope: number): void {
    // Skip zeros: zero times an infinite derivative is NaN.
    if (parent >= 0 && slope !== 0 && flow !== 0) gradient[parent]! += flow * slope;
  }

  /** An operation on constants gives a constant, which needs no entry. */
  #push(operation: Operation): Scalar {
    return operation.a < 0 && (operation.b ?? -1) < 0 ? this.constant(operation.value) : this.#append(operation);
  }

  #append({ value, a, slopeA, b = -1, slopeB = 0, curvature = FLAT }: Operation): Scalar {
    this.#curvature.push(curvature);
    this.#parentA.push(a);
    this.#parentB.push(b);
    this.#slopeA.push(slopeA);
    this.#slopeB.push(slopeB);
    return { value, id: this.#parentA.length - 1 };
  }
}

/** Returns the share of the gradient that goes to `a` in max(a, b). */
function shareOf(a: number, b: number): number {
  if (a === b) return 0.5;
  return a > b ? 1 : 0;
}
