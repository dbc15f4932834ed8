import { resizeBilinear } from "../kernels/resample.js";
import { gradCam } from "./grad-cam.js";
import { largestMagnitude } from "./gradient.js";
import type { CamMethod } from "./method.js";

/**
 * Grad-CAM says where, guided backpropagation draws the edges: their product, **in the form of guided backpropagation that is
 * defined here for SiLU**.
 *
 * `map[y, x] = up(max(L, 0))[y, x] · max_c |G⁺[c, y, x]|`, `L` `[h, w]` being the Grad-CAM of the layer, `up` the bilinear
 * resize to the input and `G⁺` `[3, H, W]` the guided gradients at the letterboxed picture (see GuidedBackprop for the rule on
 * SiLU).
 *
 * **Cost:** one forward pass, one backward pass to the layer and one, the guided one, down to the picture.
 *
 * **Edge cases:** zero wherever Grad-CAM is not above zero.
 *
 * **Differs from pytorch-grad-cam**, whose guided gradients on SiLU are plain ones, and whose example multiplies three colours
 * and stretches them for display.
 *
 * Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, section 3.1.
 */
export const guidedGradCam: CamMethod<"activations" | "gradientMeans" | "guidedGradients"> = {
  id: "GuidedGradCAM",
  title: "Guided Grad-CAM (defined for SiLU)",
  paper: "Selvaraju et al., ICCV 2017",
  needs: ["activations", "gradientMeans", "guidedGradients"],
  async map(evidence) {
    const { height, width, data } = largestMagnitude(evidence.guidedGradients);
    const cam = await gradCam.map(evidence);
    const positive = { ...cam, data: cam.data.map((value) => Math.max(value, 0)) };
    const where = resizeBilinear(positive, height, width).data;
    return { height, width, data: data.map((edge, i) => edge * where[i]!) };
  },
};
