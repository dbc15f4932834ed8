import { largestEigenpair } from "./largest-eigenpair.js";

export interface NonnegativeFactors {
  /** `[rows, rank]`, row-major. */
  readonly W: Float64Array;
  /** `[rank, columns]`, row-major. */
  readonly H: Float64Array;
  /** `‖X − W·H‖ / ‖X‖`, 0..1. */
  readonly error: number;
}

const MAX_ROUNDS = 200;
/** The search stops when one round decreases the squared error by less than this share. */
const SETTLED = 1e-4;

/**
 * Factorizes `X ≈ W · H` without negative values, by hierarchical alternating least squares (Cichocki and Phan, "Fast Local Algorithms for Large
 * Scale Nonnegative Matrix and Tensor Factorizations", 2009). The start values are those of NNDSVD (Boutsidis and Gallopoulos, "SVD based
 * initialization", 2008). The result is deterministic.
 * @param X `[rows, columns]`, row-major, without negative values.
 */
export function factorizeNonnegative(X: Float64Array, rows: number, columns: number, rank: number): NonnegativeFactors {
  const { W, H } = startFactors(X, rows, columns, rank);
  let norm = 0;
  for (const value of X) norm += value * value;
  if (norm === 0) return { W, H, error: 0 };
  let before = norm;
  let error = norm;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // X·Hᵀ and H·Hᵀ improve W. The transposed problem improves H.
    const XH = timesTransposed(X, H, rows, columns, rank);
    improve(W, XH, gramOf(H, rank, columns), rows, rank);
    const WX = transposedTimes(W, X, rows, columns, rank);
    improveRows(H, WX, transposedGram(W, rows, rank), columns, rank);
    error = squaredError(norm, { WX, H, gramW: transposedGram(W, rows, rank), gramH: gramOf(H, rank, columns) });
    if (before - error <= SETTLED * before) break;
    before = error;
  }
  return { W, H, error: Math.sqrt(Math.max(error, 0) / norm) };
}

/** Computes NNDSVD's start: for each singular pair, its positive or its negative part, whichever has the larger norm. */
function startFactors(X: Float64Array, rows: number, columns: number, rank: number) {
  const W = new Float64Array(rows * rank);
  const H = new Float64Array(rank * columns);
  const right: { readonly vector: Float64Array; readonly value: number }[] = [];
  const one = new Float64Array(columns);
  for (let k = 0; k < rank; k++) {
    const left = new Float64Array(rows);
    const pair = largestEigenpair(rows, (v, into) => {
      multiplyTransposed(X, v, one);
      multiply(X, one, into);
      for (const { vector, value } of right) {
        let part = 0;
        for (let r = 0; r < rows; r++) part += vector[r]! * v[r]!;
        for (let r = 0; r < rows; r++) into[r]! -= value * part * vector[r]!;
      }
    });
    right.push(pair);
    left.set(pair.vector);
    const sigma = Math.sqrt(Math.max(pair.value, 0));
    if (sigma === 0) break;
    multiplyTransposed(X, left, one);
    const across = one.map((value) => value / sigma);
    const plus = halfNorms(left, across, 1);
    const minus = halfNorms(left, across, -1);
    const [sign, [l, a]] = plus[0] * plus[1] >= minus[0] * minus[1] ? [1, plus] : [-1, minus];
    if (l * a === 0) continue;
    const scale = Math.sqrt(sigma * l * a);
    for (let r = 0; r < rows; r++) W[r * rank + k] = (scale * Math.max(sign * left[r]!, 0)) / l;
    for (let i = 0; i < columns; i++) H[k * columns + i] = (scale * Math.max(sign * across[i]!, 0)) / a;
  }
  return { W, H };
}

function halfNorms(left: Float64Array, across: Float64Array, sign: number): readonly [number, number] {
  const norm = (vector: Float64Array): number =>
    Math.sqrt(vector.reduce((sum, value) => sum + Math.max(sign * value, 0) ** 2, 0));
  return [norm(left), norm(across)];
}

function multiply(X: Float64Array, v: Float64Array, into: Float64Array): void {
  for (let r = 0; r < into.length; r++) {
    let sum = 0;
    for (let i = 0; i < v.length; i++) sum += X[r * v.length + i]! * v[i]!;
    into[r] = sum;
  }
}

function multiplyTransposed(X: Float64Array, v: Float64Array, into: Float64Array): void {
  into.fill(0);
  for (let r = 0; r < v.length; r++) {
    for (let i = 0; i < into.length; i++) into[i]! += v[r]! * X[r * into.length + i]!;
  }
}

/** `X · Hᵀ`, `[rows, rank]`. */
function timesTransposed(X: Float64Array, H: Float64Array, rows: number, columns: number, rank: number): Float64Array {
  const out = new Float64Array(rows * rank);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < rank; k++) {
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += X[r * columns + i]! * H[k * columns + i]!;
      out[r * rank + k] = sum;
    }
  }
  return out;
}

/** `Wᵀ · X`, `[rank, columns]`. */
function transposedTimes(W: Float64Array, X: Float64Array, rows: number, columns: number, rank: number): Float64Array {
  const out = new Float64Array(rank * columns);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < rank; k++) {
      const w = W[r * rank + k]!;
      if (w === 0) continue;
      for (let i = 0; i < columns; i++) out[k * columns + i]! += w * X[r * columns + i]!;
    }
  }
  return out;
}

/** `H · Hᵀ`, `[rank, rank]`. */
function gramOf(H: Float64Array, rank: number, columns: number): Float64Array {
  return timesTransposed(H, H, rank, columns, rank);
}

/** `Wᵀ · W`, `[rank, rank]`. */
function transposedGram(W: Float64Array, rows: number, rank: number): Float64Array {
  return transposedTimes(W, W, rows, rank, rank);
}

/** One round over the columns of `W`. Each column becomes the best column without negative values while the others stay fixed. */
function improve(W: Float64Array, XH: Float64Array, gram: Float64Array, rows: number, rank: number): void {
  for (let k = 0; k < rank; k++) {
    const own = gram[k * rank + k]!;
    if (own === 0) continue;
    for (let r = 0; r < rows; r++) {
      let rest = XH[r * rank + k]!;
      for (let j = 0; j < rank; j++) rest -= W[r * rank + j]! * gram[j * rank + k]!;
      W[r * rank + k] = Math.max(W[r * rank + k]! + rest / own, 0);
    }
  }
}

/** `improve` for the rows of `H`. */
function improveRows(H: Float64Array, WX: Float64Array, gram: Float64Array, columns: number, rank: number): void {
  for (let k = 0; k < rank; k++) {
    const own = gram[k * rank + k]!;
    if (own === 0) continue;
    for (let i = 0; i < columns; i++) {
      let rest = WX[k * columns + i]!;
      for (let j = 0; j < rank; j++) rest -= gram[k * rank + j]! * H[j * columns + i]!;
      H[k * columns + i] = Math.max(H[k * columns + i]! + rest / own, 0);
    }
  }
}

/** `WᵀX`, `H`, `WᵀW` and `H·Hᵀ`. */
interface Products {
  readonly WX: Float64Array;
  readonly H: Float64Array;
  readonly gramW: Float64Array;
  readonly gramH: Float64Array;
}

/** `‖X − W·H‖² = ‖X‖² − 2⟨WᵀX, H⟩ + ⟨WᵀW, H·Hᵀ⟩`, without building `W·H`. */
function squaredError(norm: number, { WX, H, gramW, gramH }: Products): number {
  let error = norm;
  for (let i = 0; i < H.length; i++) error -= 2 * WX[i]! * H[i]!;
  for (let i = 0; i < gramW.length; i++) error += gramW[i]! * gramH[i]!;
  return error;
}
