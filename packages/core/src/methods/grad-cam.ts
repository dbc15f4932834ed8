import { weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Weighs each channel of the layer by its mean gradient: which kinds of feature speak for the score, and where do they occur?
 *
 * `cam[h, w] = Σ_c α_c · A[c, h, w]` with `α_c` the mean of `G[c]` over its cells, where `A` are activations and
 * `G = d score / d A`, both `[C, H, W]`. One forward and one backward pass.
 *
 * The weights know no place. At a detection head's input the map therefore lights all objects whose features resemble the
 * explained one's, mostly those of its class; HiResCAM, LayerCAM and ODAM keep the gradient's place.
 *
 * Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, eq. 1 and 2
 * (before the ReLU, which is a shared later step). Equal to pytorch-grad-cam's GradCAM.
 */
export const gradCam: CamMethod<"activations" | "gradientMeans"> = {
  id: "GradCAM",
  aliases: ["grad-cam", "gradcam", "grad_cam"],
  title: "Grad-CAM",
  paper: "Selvaraju et al., ICCV 2017",
  needs: ["activations", "gradientMeans"],
  ...weighChannels<"gradientMeans">(({ gradientMeans }) => gradientMeans),
};
