import { numbers, type ProductTerm } from "../algebra/arithmetic.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import { type ChannelTerm, termsOf } from "./channels.js";
import type { Evidence, ProductNeed } from "./method.js";

/**
 * The terms that the evidence of the same name sums over the channels. The engine computes the sum in the graph of the backward pass, so that no
 * gradient has to be read.
 */
export const productTerms = {
  gradientProducts: (on, gradient, activation) => on.times(gradient, activation),
  positiveGradientProducts: (on, gradient, activation) => on.times(on.positive(gradient), activation),
  positiveProducts: (on, gradient, activation) => on.positive(on.times(gradient, activation)),
} satisfies Readonly<Record<ProductNeed, ProductTerm>>;

export const productNeeds = Object.keys(productTerms) as ProductNeed[];

/** The terms of one channel, from whole gradients. */
export function productTerm(
  need: ProductNeed,
  { activations: { data: A }, gradients: { data: G } }: Pick<Evidence, "activations" | "gradients">,
): ChannelTerm {
  const term: ProductTerm = productTerms[need];
  return (into, start) => {
    for (let i = 0; i < into.length; i++) into[i] = term(numbers, G[start + i]!, A[start + i]!);
  };
}

/** A method whose map is a sum of products. */
export function sumOfProducts<P extends ProductNeed>(
  need: P,
): {
  readonly needs: readonly P[];
  map(evidence: Pick<Evidence, P>): Map2D;
  channels(evidence: Pick<Evidence, "activations" | "gradients">): Tensor;
} {
  return {
    needs: [need],
    map: ({ [need]: { height, width, data } }) => ({ height, width, data: data.slice() }),
    channels: (evidence) => termsOf(evidence.activations.dims, productTerm(need, evidence)),
  };
}
