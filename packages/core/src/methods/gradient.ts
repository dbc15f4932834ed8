import { keepsNothing } from "../keeps-nothing.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import type { CamMethod } from "./method.js";

/**
 * Shows where a small change of a pixel changes the score most, in either direction.
 *
 * `map[y, x] = max_c |G[c, y, x]|` with `G = d score / d x` `[3, H, W]`, the gradient at the letterboxed image, and the
 * maximum over the three colours.
 *
 * **Cost:** one forward and one backward pass to the image.
 *
 * **Reading it:** the map is noisy; SmoothGrad reduces the noise. It shows sensitivity, not contribution; Integrated Gradients shows
 * contribution.
 *
 * pytorch-grad-cam has it only as guided backpropagation on a network without ReLU, where the two are equal.
 *
 * Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency
 * Maps", ICLR Workshop 2014, section 3.
 */
export const gradient: CamMethod<"gradients"> = keepsNothing({
  id: "gradient",
  aliases: ["saliency", "vanilla-gradient"],
  title: "Gradient",
  paper: "Simonyan et al., ICLR Workshop 2014",
  needs: ["gradients"],
  reads: "input",
  map: ({ gradients }) => largestMagnitude(gradients),
});

/** `max_c |values[c, y, x]|` of a tensor `[C, H, W]`. */
export function largestMagnitude({ dims, data }: Tensor): Map2D {
  const [C, H, W] = dims as [number, number, number];
  const largest = new Float32Array(H * W);
  for (let c = 0; c < C; c++) {
    for (let i = 0; i < H * W; i++) {
      const magnitude = Math.abs(data[c * H * W + i]!);
      if (magnitude > largest[i]!) largest[i] = magnitude;
    }
  }
  return { height: H, width: W, data: largest };
}
