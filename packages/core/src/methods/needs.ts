import type { CamMethod, Evidence, ProductNeed } from "./method.js";
import { productNeeds } from "./products.js";

type Need = keyof Evidence;

/** Evidence that the backward pass can compute in its graph instead of whole gradients. */
export type ReducedNeed = "gradientMeans" | ProductNeed;

const REDUCED: readonly Need[] = ["gradientMeans", ...productNeeds];

/** Evidence that needs every value of a gradient. */
const WHOLE_GRADIENTS: readonly Need[] = ["gradients", "depths", "curvature", "pixels", "blends", "biases"];

/** The evidence that a method needs. With `eigenSmooth`, a sum of products is replaced by what it is made of. */
export function evidenceOf(
  { needs }: Pick<CamMethod, "needs">,
  { eigenSmooth }: { readonly eigenSmooth: boolean },
): ReadonlySet<Need> {
  const isSplit = (need: Need): boolean => eigenSmooth && productNeeds.some((name) => name === need);
  return new Set(needs.flatMap((need): Need[] => (isSplit(need) ? ["activations", "gradients"] : [need])));
}

/** True when a method reads gradients at its layers. */
export function readsGradients({ needs }: Pick<CamMethod, "needs">): boolean {
  return needsGradients(new Set(needs));
}

/** True when gradients at the layers are needed, whole or reduced. */
export function needsGradients(needs: ReadonlySet<Need>): boolean {
  return needs.has("gradients") || needs.has("depths") || REDUCED.some((need) => needs.has(need));
}

/** True when every value of a gradient is needed. Two reduced needs are made from whole gradients. */
export function needsWholeGradients(needs: ReadonlySet<Need>): boolean {
  return WHOLE_GRADIENTS.some((need) => needs.has(need)) || REDUCED.filter((need) => needs.has(need)).length > 1;
}

/** The only thing that is read of gradients, if it can be computed in the graph. */
export function reducedNeed(needs: ReadonlySet<Need>): ReducedNeed | undefined {
  if (needsWholeGradients(needs)) return undefined;
  return REDUCED.find((need) => needs.has(need)) as ReducedNeed | undefined;
}

/** Evidence that is the same for every detection and score. */
const SCORELESS: readonly Need[] = ["activations", "channelScatter", "scoreMap"];

/** True when the map of a method depends on the detection and the score. False for methods that only show where a layer is active. */
export function dependsOnScore({ needs }: Pick<CamMethod, "needs">): boolean {
  return needs.some((need) => !SCORELESS.includes(need));
}
