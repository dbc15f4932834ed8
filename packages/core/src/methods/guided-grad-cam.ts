import { keepsNothing } from "../keeps-nothing.js";
import { resizeBilinear } from "../kernels/resample.js";
import { gradCam } from "./grad-cam.js";
import { largestMagnitude } from "./gradient.js";
import type { CamMethod } from "./method.js";

/**
 * The product of Grad-CAM, which gives the area, and guided backpropagation, which gives the edges, **in the form of guided backpropagation
 * that Whybox defines for SiLU**.
 *
 * `map[y, x] = up(max(L, 0))[y, x] · max_c |G⁺[c, y, x]|`, `L` `[h, w]` being the Grad-CAM of the layer, `up` the bilinear
 * resize to the input and `G⁺` `[3, H, W]` the guided gradients at the letterboxed image (see GuidedBackprop for the rule on
 * SiLU).
 *
 * **Cost:** one forward pass, one backward pass to the layer, and one guided backward pass to the image.
 *
 * **Edge cases:** zero where Grad-CAM is not positive.
 *
 * **Differs from pytorch-grad-cam**, whose guided gradients on SiLU are plain gradients. Its example multiplies three colours
 * and rescales them for display.
 *
 * Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, section 3.1.
 */
export const guidedGradCam: CamMethod<"activations" | "gradientMeans" | "guidedGradients"> = keepsNothing({
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
});
