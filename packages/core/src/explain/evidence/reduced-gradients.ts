import { channelMeans, sumOfTerms } from "../../methods/channels.js";
import type { ProductNeed } from "../../methods/method.js";
import { productTerm } from "../../methods/products.js";
import type { Map2D, Tensor } from "../../tensor/tensor.js";

/** The gradient of one layer, and the shape of the layer. */
export interface GradientSource {
  /** Undefined: the gradient is zero. */
  readonly found: Tensor | undefined;
  /** `[C, H, W]` of the layer. */
  readonly dims: readonly number[];
  /** Whether `found` has the values of a reduction and the largest magnitude, instead of the gradient. */
  readonly isReduced: boolean;
  /** Only for sums that are not reduced in the graph. */
  readonly activations: Tensor | undefined;
}

/** The mean of each channel of the gradient. */
export function meansOf({ found, dims, isReduced }: GradientSource): Float32Array {
  if (found === undefined) return new Float32Array(dims[0]!);
  return isReduced ? found.data.subarray(0, -1) : new Float32Array(channelMeans(found));
}

/** A sum of products of activations and gradients. */
export function sumsOf(need: ProductNeed, { found, dims, isReduced, activations }: GradientSource): Map2D {
  const [height, width] = dims.slice(1) as [number, number];
  if (found === undefined) return { height, width, data: new Float32Array(height * width) };
  if (isReduced) return { height, width, data: found.data.subarray(0, -1) };
  return sumOfTerms(dims, productTerm(need, { activations: activations!, gradients: found }));
}
