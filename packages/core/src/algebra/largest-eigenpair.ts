import { createRandom } from "./random.js";

/** A symmetric matrix, defined by its product: writes `M · vector` to `into`. */
export type SymmetricProduct = (vector: Float64Array, into: Float64Array) => void;

export interface Eigenpair {
  readonly value: number;
  /** The eigenvector of length 1. Its sign is arbitrary, but always the same for the same matrix. */
  readonly vector: Float64Array;
  /** The second largest eigenvalue. */
  readonly next: number;
}

/** The search stops at this error of the vector: the sine of its angle to the true eigenvector. */
const TOLERANCE = 1e-6;
/** Maximum number of Lanczos vectors. More are needed only if the two largest eigenvalues agree to about four digits. */
const MAX_STEPS = 240;

/**
 * Computes the algebraically largest eigenvalue and its vector of a symmetric `size` × `size` matrix. It uses the Lanczos method with full
 * reorthogonalisation (Golub and Van Loan, "Matrix Computations", 4th ed., ch. 10). The result is exact after `size` steps. 8 to 20 steps are
 * enough if the largest eigenvalue is well separated. If it is not, the vector is some direction in the plane of the first two eigenvectors:
 * compare `next` with `value`.
 */
export function largestEigenpair(size: number, multiply: SymmetricProduct): Eigenpair {
  const random = createRandom(0);
  const basis: Float64Array[] = [];
  const diagonal: number[] = [];
  const beside: number[] = [];
  let current = fresh(size, basis, random.uniform);
  const max = Math.min(size, MAX_STEPS);
  let check = 6;
  for (;;) {
    basis.push(current);
    const next = new Float64Array(size);
    multiply(current, next);
    diagonal.push(dot(next, current));
    orthogonalise(next, basis);
    orthogonalise(next, basis);
    const length = Math.sqrt(dot(next, next));
    const scale = Math.max(...diagonal.map(Math.abs));
    const broken = !(length > 1e-13 * scale);
    const steps = basis.length;
    if (steps === max || steps >= check) {
      const ritz = solveTridiagonal(diagonal, beside);
      const [first, second] = largestTwo(ritz.values);
      const value = ritz.values[first]!;
      const below = second === -1 ? 0 : ritz.values[second]!;
      const residual = broken ? 0 : length * Math.abs(ritz.vectors[first]![steps - 1]!);
      if (steps === max || residual <= TOLERANCE * (value - below)) {
        return { value, vector: combine(basis, ritz.vectors[first]!), next: below };
      }
      check = steps + Math.ceil(steps / 16);
    }
    // When the Krylov space is exhausted, continue with a new vector. Otherwise a second equal eigenvalue is not found.
    beside.push(broken ? 0 : length);
    if (broken) current = fresh(size, basis, random.uniform);
    else {
      for (let i = 0; i < size; i++) next[i]! /= length;
      current = next;
    }
  }
}

function fresh(size: number, basis: readonly Float64Array[], uniform: () => number): Float64Array {
  const vector = Float64Array.from({ length: size }, () => uniform() - 0.5);
  orthogonalise(vector, basis);
  orthogonalise(vector, basis);
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((value) => value / length);
}

function orthogonalise(vector: Float64Array, basis: readonly Float64Array[]): void {
  for (const other of basis) {
    const part = dot(vector, other);
    for (let i = 0; i < vector.length; i++) vector[i]! -= part * other[i]!;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function combine(basis: readonly Float64Array[], weights: Float64Array): Float64Array {
  const sum = new Float64Array(basis[0]!.length);
  for (const [k, vector] of basis.entries()) {
    for (let i = 0; i < sum.length; i++) sum[i]! += weights[k]! * vector[i]!;
  }
  const length = Math.sqrt(dot(sum, sum));
  return sum.map((value) => value / length);
}

function largestTwo(values: Float64Array): readonly [first: number, second: number] {
  let first = 0;
  let second = -1;
  for (let i = 1; i < values.length; i++) {
    if (values[i]! > values[first]!) {
      second = first;
      first = i;
    } else if (second === -1 || values[i]! > values[second]!) second = i;
  }
  return [first, second];
}

/**
 * Computes all eigenvalues and eigenvectors of a symmetric tridiagonal matrix from its diagonal and the values beside it. It uses QR steps with
 * Wilkinson's shift and Givens rotations (Golub and Van Loan, section 8.3). `vectors[k]` belongs to `values[k]`. They are not sorted.
 */
function solveTridiagonal(
  diagonal: readonly number[],
  beside: readonly number[],
): { readonly values: Float64Array; readonly vectors: Float64Array[] } {
  const n = diagonal.length;
  const d = Float64Array.from(diagonal);
  const e = Float64Array.from(beside).slice(0, n - 1);
  const vectors = Array.from({ length: n }, (_, k) => {
    const unit = new Float64Array(n);
    unit[k] = 1;
    return unit;
  });
  const negligible = (k: number): boolean =>
    Math.abs(e[k]!) <= Number.EPSILON * (Math.abs(d[k]!) + Math.abs(d[k + 1]!));
  let end = n - 1;
  for (let rounds = 0; end > 0 && rounds < 60 * n; rounds++) {
    if (negligible(end - 1)) {
      e[--end] = 0;
      continue;
    }
    let start = end - 1;
    while (start > 0 && !negligible(start - 1)) start--;
    qrStep(d, e, vectors, start, end);
  }
  return { values: d, vectors };
}

/** One implicit QR step on rows `start` to `end`: the first rotation applies the shift, the others chase the bulge down. */
function qrStep(d: Float64Array, e: Float64Array, vectors: Float64Array[], start: number, end: number): void {
  const half = (d[end - 1]! - d[end]!) / 2;
  const off = e[end - 1]!;
  const shift = d[end]! - (off * off) / (half + (half < 0 ? -1 : 1) * Math.hypot(half, off));
  let x = d[start]! - shift;
  let bulge = e[start]!;
  for (let k = start; k < end; k++) {
    const length = Math.hypot(x, bulge);
    const cosine = length === 0 ? 1 : x / length;
    const sine = length === 0 ? 0 : bulge / length;
    if (k > start) e[k - 1] = length;
    const [upper, lower, across] = [d[k]!, d[k + 1]!, e[k]!];
    d[k] = cosine * cosine * upper + 2 * cosine * sine * across + sine * sine * lower;
    d[k + 1] = sine * sine * upper - 2 * cosine * sine * across + cosine * cosine * lower;
    e[k] = cosine * sine * (lower - upper) + (cosine * cosine - sine * sine) * across;
    if (k + 1 < end) {
      bulge = sine * e[k + 1]!;
      e[k + 1]! *= cosine;
    }
    x = e[k]!;
    const [first, second] = [vectors[k]!, vectors[k + 1]!];
    for (let i = 0; i < first.length; i++) {
      const value = first[i]!;
      first[i] = cosine * value + sine * second[i]!;
      second[i] = cosine * second[i]! - sine * value;
    }
  }
}
