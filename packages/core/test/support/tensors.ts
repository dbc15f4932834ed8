import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";

/** Even numbers in [low, high). */
export function randomTensor(dims: readonly number[], random: () => number, low = -1, high = 1): Tensor {
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * random()) };
}

/** A float vector. */
export function vector(...values: number[]): Tensor {
  return { dims: [values.length], data: Float32Array.from(values) };
}

/** Σ aᵢ·bᵢ in float64. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
