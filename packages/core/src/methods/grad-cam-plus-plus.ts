import { perChannel, weighChannels } from "./channels.js";
import type { CamMethod, Evidence, Setting } from "./method.js";

/**
 * Grad-CAM with weights made from the positive gradients, so that several objects of a class count alike however large they are.
 *
 * `cam = Σ_c w_c · A[c]`, `w_c = Σ_hw α · max(G, 0)`, `α = G² / (2·G² + S_c·G³)` and `S_c` the sum of `A[c]`; `A` and
 * `G = d score / d A` are `[C, H, W]`. One forward and one backward pass.
 *
 * The formula was made for activations after a ReLU, where `S_c ≥ 0`. Under SiLU `S_c` can be negative: the denominator then
 * vanishes or turns its sign, and single cells explode. By default a negative `S_c` counts as zero and, the gradient being positive where it counts, `α · G` is
 * computed as `G / (2 + S_c · G)`, which is bounded. The library's constant of `1e-6` in the denominator is left out as well: YOLO's
 * gradients are about `1e-4`, their squares far below it, and α would no longer be a ratio.
 * `compat: true` gives pytorch-grad-cam's number, constant and all.
 *
 * Chattopadhyay et al., "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional Networks", WACV 2018, eq. 19.
 */
export const gradCamPlusPlus: CamMethod<"activations" | "gradients"> = {
  id: "GradCAM++",
  aliases: ["grad-cam++", "gradcam_plus_plus", "GradCAMPlusPlus"],
  title: "Grad-CAM++",
  paper: "Chattopadhyay et al., WACV 2018",
  needs: ["activations", "gradients"],
  hasCompat: true,
  ...weighChannels<"gradients">(plusPlusWeights),
};

/** The weights of Grad-CAM++, one per channel. */
export function plusPlusWeights(evidence: Pick<Evidence, "activations" | "gradients"> & Setting): Float64Array {
  const { activations, gradients, compat } = evidence;
  return perChannel(activations, (start, end) => {
    let total = 0;
    for (let i = start; i < end; i++) total += activations.data[i]!;
    const bounded = Math.max(total, 0);
    let weight = 0;
    for (let i = start; i < end; i++) {
      const g = gradients.data[i]!;
      if (!(g > 0)) continue;
      weight += compat ? (g * g * g) / (2 * g * g + total * g * g * g + 1e-6) : g / (2 + bounded * g);
    }
    return weight;
  });
}
