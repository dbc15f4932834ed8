import { keepsNothing } from "../keeps-nothing.js";
import { weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Weights each channel of the layer by its mean gradient: which features support the score, and where are they?
 *
 * `cam[h, w] = Σ_c α_c · A[c, h, w]` with `α_c` the mean of `G[c]` over its cells, where `A` are activations and
 * `G = d score / d A`, both `[C, H, W]`. One forward and one backward pass.
 *
 * The weights do not depend on the position. So at a detection head's input the map highlights all objects with features like those of the
 * explained object, mostly objects of its class. HiResCAM, LayerCAM and ODAM keep the position of the gradient.
 *
 * Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, eq. 1 and 2
 * (before the ReLU, which is a shared later step). Equal to pytorch-grad-cam's GradCAM.
 */
export const gradCam: CamMethod<"activations" | "gradientMeans"> = keepsNothing({
  id: "GradCAM",
  aliases: ["grad-cam", "gradcam", "grad_cam"],
  title: "Grad-CAM",
  paper: "Selvaraju et al., ICCV 2017",
  needs: ["activations", "gradientMeans"],
  ...weighChannels<"gradientMeans">(({ gradientMeans }) => gradientMeans),
});
