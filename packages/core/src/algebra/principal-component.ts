import type { Map2D, Tensor } from "../tensor/tensor.js";
import { correlation } from "./correlation.js";
import { largestEigenpair } from "./largest-eigenpair.js";

export interface PrincipalComponent {
  /** `σ₁ · u₁`: the score of each cell on the first component. */
  readonly map: Map2D;
  /** `σ₂ / σ₁`, 0..1. Near 1, the first two components are equally strong, and the direction is arbitrary. 0 for a map of zeros. */
  readonly gap: number;
}

/**
 * Computes the first principal component of a tensor `[C, H, W]`. The cells are the samples, the channels are the variables. The result is
 * `X · v₁`: `X` `[H·W, C]` has the mean of each channel subtracted, and `v₁` is the right singular vector of the largest singular value. NaN
 * counts as zero. The scatter matrix is never built: a Lanczos iteration uses the products `Xᵀ(X·v)`, in float64. Each takes two passes over the
 * tensor. The result is all zeros when each channel is constant, for example on a single cell.
 *
 * The sign of a singular vector is not defined. The result has the sign that correlates positively with `guide` `[H, W]`. Without a guide, or with
 * a constant guide, the value with the largest magnitude is positive.
 */
export function firstComponent(tensor: Tensor, guide?: Map2D): PrincipalComponent {
  const [C, height, width] = tensor.dims as [number, number, number];
  const data = withoutNaN(tensor.data);
  const cells = height * width;
  const means = new Float64Array(C);
  let variance = 0;
  let square = 0;
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let i = c * cells; i < (c + 1) * cells; i++) sum += data[i]!;
    const mean = sum / cells;
    means[c] = mean;
    for (let i = c * cells; i < (c + 1) * cells; i++) {
      variance += (data[i]! - mean) ** 2;
      square += data[i]! * data[i]!;
    }
  }
  // A smaller variance is only rounding error of the means.
  if (!(variance > 1e-24 * square)) return { map: { height, width, data: new Float32Array(cells) }, gap: 0 };
  const scores = new Float64Array(cells);
  const { value, vector, next } = largestEigenpair(C, (v, into) => {
    project(data, means, v, scores);
    collect(data, means, scores, into);
  });
  project(data, means, vector, scores);
  const gap = Math.sqrt(Math.max(next, 0) / value);
  return { map: signed({ height, width, data: new Float32Array(scores) }, guide), gap };
}

/**
 * `firstComponent` of a tensor whose scatter matrix is known: `scatter` `[C, C + 1]` has the sums of products of the centred channels, followed by the
 * mean of each channel, in float32. It takes a single pass over the tensor. A scatter matrix that may be only rounding error, or is not finite, is
 * not used.
 */
export function firstComponentOf(tensor: Tensor, scatter: Tensor, guide?: Map2D): PrincipalComponent {
  const [C, height, width] = tensor.dims as [number, number, number];
  const { data: sums } = scatter;
  const cells = height * width;
  const means = new Float64Array(C);
  let variance = 0;
  let square = 0;
  for (let c = 0; c < C; c++) {
    means[c] = sums[c * (C + 1) + C]!;
    variance += sums[c * (C + 1) + c]!;
    square += cells * means[c]! ** 2;
  }
  if (!(variance > 1e-8 * square && Number.isFinite(variance))) return firstComponent(tensor, guide);
  const { value, vector, next } = largestEigenpair(C, (v, into) => {
    for (let c = 0, at = 0; c < C; c++, at++) {
      let sum = 0;
      for (let d = 0; d < C; d++) sum += sums[at++]! * v[d]!;
      into[c] = sum;
    }
  });
  const scores = new Float64Array(cells);
  project(tensor.data, means, vector, scores);
  const gap = Math.sqrt(Math.max(next, 0) / value);
  return { map: signed({ height, width, data: new Float32Array(scores) }, guide), gap };
}

function withoutNaN(data: Float32Array): Float32Array {
  for (let i = 0; i < data.length; i++) {
    if (Number.isNaN(data[i]!)) return data.map((value) => (Number.isNaN(value) ? 0 : value));
  }
  return data;
}

/** Computes `scores = (X − means) · v`, four channels at a time, so that `scores` is read and written less often. */
function project(data: Float32Array, means: Float64Array, v: Float64Array, scores: Float64Array): void {
  const cells = scores.length;
  let shift = 0;
  for (let c = 0; c < v.length; c++) shift += means[c]! * v[c]!;
  scores.fill(-shift);
  let c = 0;
  for (; c + 4 <= v.length; c += 4) {
    const [v0, v1, v2, v3] = [v[c]!, v[c + 1]!, v[c + 2]!, v[c + 3]!];
    const p0 = c * cells;
    const p1 = p0 + cells;
    const p2 = p1 + cells;
    const p3 = p2 + cells;
    for (let i = 0; i < cells; i++) {
      scores[i]! += v0 * data[p0 + i]! + v1 * data[p1 + i]! + (v2 * data[p2 + i]! + v3 * data[p3 + i]!);
    }
  }
  for (; c < v.length; c++) for (let i = 0; i < cells; i++) scores[i]! += v[c]! * data[c * cells + i]!;
}

/** Computes `into = (X − means)ᵀ · scores`. */
function collect(data: Float32Array, means: Float64Array, scores: Float64Array, into: Float64Array): void {
  const cells = scores.length;
  let total = 0;
  for (let i = 0; i < cells; i++) total += scores[i]!;
  let c = 0;
  for (; c + 4 <= into.length; c += 4) {
    const p0 = c * cells;
    const p1 = p0 + cells;
    const p2 = p1 + cells;
    const p3 = p2 + cells;
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let i = 0; i < cells; i++) {
      const score = scores[i]!;
      s0 += score * data[p0 + i]!;
      s1 += score * data[p1 + i]!;
      s2 += score * data[p2 + i]!;
      s3 += score * data[p3 + i]!;
    }
    into[c] = s0 - means[c]! * total;
    into[c + 1] = s1 - means[c + 1]! * total;
    into[c + 2] = s2 - means[c + 2]! * total;
    into[c + 3] = s3 - means[c + 3]! * total;
  }
  for (; c < into.length; c++) {
    let sum = 0;
    for (let i = 0; i < cells; i++) sum += scores[i]! * data[c * cells + i]!;
    into[c] = sum - means[c]! * total;
  }
}

/** Returns the map, or its negative if the value with the largest magnitude is negative. */
function signByLargest(map: Map2D): Map2D {
  let max = 0;
  let min = 0;
  for (const value of map.data) {
    if (value > max) max = value;
    if (value < min) min = value;
  }
  return -min > max ? negated(map) : map;
}

/**
 * Returns the map, or its negative: the one that correlates positively with `guide`. If the guide is constant or does not correlate, the value with
 * the largest magnitude is positive. Both maps have the same size.
 */
export function signed(map: Map2D, guide: Map2D | undefined): Map2D {
  const r = guide ? correlation(map.data, guide.data) : 0;
  if (r === 0) return signByLargest(map);
  return r < 0 ? negated(map) : map;
}

function negated({ height, width, data }: Map2D): Map2D {
  return { height, width, data: data.map((value) => -value) };
}
