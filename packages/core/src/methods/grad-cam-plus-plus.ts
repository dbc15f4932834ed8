import { keepsNothing } from "../keeps-nothing.js";
import { perChannel, weighChannels } from "./channels.js";
import type { CamMethod, Evidence, Setting } from "./method.js";

/**
 * Grad-CAM with weights from the positive gradients only, so that several objects of a class count equally, regardless of their size.
 *
 * `cam = Σ_c w_c · A[c]`, `w_c = Σ_hw α · max(G, 0)`, `α = G² / (2·G² + S_c·G³)` and `S_c` the sum of `A[c]`; `A` and
 * `G = d score / d A` are `[C, H, W]`. One forward and one backward pass.
 *
 * The formula assumes activations after a ReLU, where `S_c ≥ 0`. With SiLU `S_c` can be negative. Then the denominator can
 * vanish or change its sign, and single cells become huge. By default a negative `S_c` counts as zero. Only positive gradients count, so `α · G` is
 * computed as `G / (2 + S_c · G)`, which is bounded. The library's constant `1e-6` in the denominator is omitted too: YOLO's
 * gradients are about `1e-4` and their squares far smaller, so that α would not be a ratio any more.
 * `compat: true` gives pytorch-grad-cam's numbers, including the constant.
 *
 * Chattopadhyay et al., "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional Networks", WACV 2018, eq. 19.
 */
export const gradCamPlusPlus: CamMethod<"activations" | "gradients"> = keepsNothing({
  id: "GradCAM++",
  aliases: ["grad-cam++", "gradcam_plus_plus", "GradCAMPlusPlus"],
  title: "Grad-CAM++",
  paper: "Chattopadhyay et al., WACV 2018",
  needs: ["activations", "gradients"],
  hasCompat: true,
  ...weighChannels<"gradients">(plusPlusWeights),
});

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
