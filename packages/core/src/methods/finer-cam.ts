import { keepsNothing } from "../keeps-nothing.js";
import { weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Grad-CAM of the difference between the class and the three most similar classes: why a dog and not a cat?
 *
 * `cam = Σ_c α_c · A[c]`, `α_c` the mean of `G[c]`, where `G` is the gradient of the score `finer`: the class's logit minus the three nearest ones, weighted by their
 * probabilities, in the detection's own row. `A` and `G` are `[C, H, W]`. One forward and one backward pass.
 *
 * pytorch-grad-cam's FinerCAM uses the class with the largest logit of the whole output, and compares it with the next ones. Here it is the detection's own
 * class and row, since each row of a detector has its own logits. For a model with a single class, its logit is explained.
 *
 * Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025.
 */
export const finerCam: CamMethod<"activations" | "gradientMeans"> = keepsNothing({
  id: "FinerCAM",
  aliases: ["finer-cam"],
  title: "Finer-CAM",
  paper: "Zhang et al., CVPR 2025",
  needs: ["activations", "gradientMeans"],
  scores: ["finer"],
  ...weighChannels<"gradientMeans">(({ gradientMeans }) => gradientMeans),
});
