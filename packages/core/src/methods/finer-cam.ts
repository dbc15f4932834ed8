import { weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Grad-CAM of what sets the class apart from the three classes it is most easily taken for: why a dog and not a cat?
 *
 * `cam = Σ_c α_c · A[c]`, `α_c` the mean of `G[c]`, where `G` is the gradient of the score `finer`: the class's logit against the three nearest ones', weighted by their
 * probabilities, in the row that the detection came from. `A` and `G` are `[C, H, W]`. One forward and one backward pass.
 *
 * pytorch-grad-cam's FinerCAM takes as the class the one of the largest logit of the whole output and compares those behind it; here it is the detection's own
 * class and row, since a detector's rows each have a vector of logits. Classes of one model only: with a single class its logit is explained.
 *
 * Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025.
 */
export const finerCam: CamMethod<"activations" | "gradientMeans"> = {
  id: "FinerCAM",
  aliases: ["finer-cam"],
  title: "Finer-CAM",
  paper: "Zhang et al., CVPR 2025",
  needs: ["activations", "gradientMeans"],
  scores: ["finer"],
  ...weighChannels<"gradientMeans">(({ gradientMeans }) => gradientMeans),
};
