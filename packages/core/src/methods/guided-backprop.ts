import { keepsNothing } from "../keeps-nothing.js";
import { largestMagnitude } from "./gradient.js";
import type { CamMethod } from "./method.js";

/**
 * The gradient at the image, with all evidence against the score removed in the backward pass, **in a form that Whybox defines
 * for SiLU**.
 *
 * `map[y, x] = max_c |G⁺[c, y, x]|`, `G⁺` `[3, H, W]` being the gradient at the letterboxed image where each activation
 * passes the gradient `g` at its output only at cells with `g > 0` and with an input above zero. For ReLU and LeakyReLU this
 * is the paper's rule. The paper does not define SiLU, YOLO's activation. Here the same two conditions apply to its
 * derivative.
 *
 * **Cost:** one forward and one backward pass to the image.
 *
 * **Reading it:** the map is sharp but misleading: it restores edges of the image and hardly changes when the weights are random
 * (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018).
 *
 * **Differs from pytorch-grad-cam**, which replaces only modules of the type ReLU. A network with SiLU has none, so
 * its guided backpropagation is the plain gradient. For that, use the method `gradient`. The library also returns three colours. This map is
 * their largest magnitude.
 *
 * Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR Workshop 2015, section 3.4.
 */
export const guidedBackprop: CamMethod<"guidedGradients"> = keepsNothing({
  id: "GuidedBackprop",
  aliases: ["guided-backpropagation"],
  title: "Guided backpropagation (defined for SiLU)",
  paper: "Springenberg et al., ICLR Workshop 2015",
  needs: ["guidedGradients"],
  reads: "input",
  map: ({ guidedGradients }) => largestMagnitude(guidedGradients),
});
