import { keepsNothing } from "../keeps-nothing.js";
import { perChannel, weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Grad-CAM with gradients weighted by the activation at their cell, chosen so that the contributions of the channels sum to the score.
 *
 * `cam = Σ_c w_c · A[c]`, `w_c = Σ_hw G · A / Σ_hw A`, `A` and `G = d score / d A` both `[C, H, W]`. One forward and one backward
 * pass.
 *
 * The formula assumes activations after a ReLU. With SiLU the sum of a channel can be near zero or negative (in YOLOv5s, layer 23,
 * for 79 of 512 channels), and the weight becomes huge. By default the weights are `Σ G · |A| / Σ |A|`: a mean of the gradients, never larger than the largest gradient. For every channel whose sign does not
 * change it equals the paper's formula. A channel of zeros has the weight zero.
 * `compat: true` gives pytorch-grad-cam's numbers, which divide by `Σ A + 1e-7`.
 *
 * Fu et al., "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs", BMVC 2020.
 */
export const xGradCam: CamMethod<"activations" | "gradients"> = keepsNothing({
  id: "XGradCAM",
  aliases: ["x-grad-cam", "xgrad_cam"],
  title: "XGrad-CAM",
  paper: "Fu et al., BMVC 2020",
  needs: ["activations", "gradients"],
  hasCompat: true,
  ...weighChannels<"gradients">(({ activations: { dims, data: A }, gradients: { data: G }, compat }) =>
    perChannel({ dims, data: A }, (start, end) => {
      let weighted = 0;
      let total = compat ? 1e-7 : 0;
      for (let i = start; i < end; i++) {
        const a = compat ? A[i]! : Math.abs(A[i]!);
        weighted += G[i]! * a;
        total += a;
      }
      return total === 0 ? 0 : weighted / total;
    }),
  ),
});
