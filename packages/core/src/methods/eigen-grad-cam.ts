import { keepsNothing } from "../keeps-nothing.js";
import { product } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * The first principal component of activations times gradients: Eigen-CAM for a score.
 *
 * `cam = X · v₁`, where `X` `[H·W, C]` is `G ⊙ A` minus each channel's mean, and `v₁` the right singular vector of its largest singular value; `A` and
 * `G = d score / d A` are `[C, H, W]`. One forward and one backward pass.
 *
 * The sign follows the detector's objectness × class probability, as in EigenCAM. See there for `compat: true` and `spectral gap`. From pytorch-grad-cam
 * (EigenGradCAM), equal to it up to the sign.
 */
export const eigenGradCam: CamMethod<"activations" | "gradients" | "scoreMap"> = keepsNothing({
  id: "EigenGradCAM",
  aliases: ["eigen-grad-cam"],
  title: "Eigen-Grad-CAM",
  paper: "Gildenblat et al., pytorch-grad-cam, 2021",
  needs: ["activations", "gradients", "scoreMap"],
  auto: "stage",
  hasCompat: true,
  async map({ activations, gradients, scoreMap, compat, report }) {
    const { firstComponent } = await import("../algebra/principal-component.js");
    const { map, gap } = firstComponent(product(gradients, activations), compat ? undefined : scoreMap);
    report("spectral gap", gap);
    return map;
  },
});
