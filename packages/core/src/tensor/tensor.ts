import { WhyboxError } from "../errors.js";

/** A dense row-major float32 tensor. `data.length` is the product of `dims`. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A map over the cells of a layer or the pixels of an image, row-major: `data[y * width + x]`. */
export interface Map2D {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** Returns the product of the dimensions. 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Creates a tensor. @throws internal when the length of `data` is not the product of `dims`. */
export function tensor(dims: readonly number[], data: Float32Array): Tensor {
  if (sizeOf(dims) !== data.length) {
    throw new WhyboxError(
      "internal",
      `A tensor of dims [${dims.join(", ")}] needs ${sizeOf(dims)} values, got ${data.length}.`,
    );
  }
  return { dims, data };
}
