import { largestMagnitude } from "./gradient.js";
import type { CamMethod } from "./method.js";

/**
 * The gradient at the picture with everything that speaks against the score stopped on its way back, **in a form defined here
 * for SiLU**.
 *
 * `map[y, x] = max_c |G⁺[c, y, x]|`, `G⁺` `[3, H, W]` being the gradient at the letterboxed picture where each activation
 * passes the gradient `g` at its output on only at cells with `g > 0` and with an input above zero. For ReLU and LeakyReLU this
 * is the paper's rule. SiLU, YOLO's activation, is not covered by the paper; the same two conditions are put on its own
 * derivative.
 *
 * **Cost:** one forward and one backward pass down to the picture.
 *
 * **Reading it:** sharp, and treacherous: it restores edges of the picture and hardly changes when the weights are made random
 * (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018).
 *
 * **Differs from pytorch-grad-cam**, which replaces modules of the type ReLU only: on a network of SiLUs there are none, and
 * its guided backpropagation is the plain gradient. For that, take the method `gradient`. It also returns three colours, of
 * which this is the largest magnitude.
 *
 * Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR Workshop 2015, section 3.4.
 */
export const guidedBackprop: CamMethod<"guidedGradients"> = {
  id: "GuidedBackprop",
  aliases: ["guided-backpropagation"],
  title: "Guided backpropagation (defined for SiLU)",
  paper: "Springenberg et al., ICLR Workshop 2015",
  needs: ["guidedGradients"],
  reads: "input",
  map: ({ guidedGradients }) => largestMagnitude(guidedGradients),
};
