import { keepsNothing } from "../keeps-nothing.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import type { CamMethod } from "./method.js";

/**
 * The first-order contribution of each pixel to the score: its value times the derivative of the score.
 *
 * `map[y, x] = Σ_c x[c, y, x] · G[c, y, x]` with `x` `[3, H, W]` the letterboxed image, 0..1, and `G = d score / d x`.
 * Signed: evidence against the score is negative, and the shared ReLU removes it.
 *
 * **Cost:** one forward and one backward pass to the image.
 *
 * **Reading it:** a black pixel always gets zero, since black means "absent" here. Integrated Gradients
 * uses another colour for that.
 *
 * pytorch-grad-cam does not have it.
 *
 * Shrikumar, Greenside and Kundaje, "Learning Important Features Through Propagating Activation Differences", ICML 2017,
 * section 2.2; first in their "Not Just a Black Box", 2016.
 */
export const gradientXInput: CamMethod<"activations" | "gradients"> = keepsNothing({
  id: "gradient-x-input",
  aliases: ["input-x-gradient", "gradient*input"],
  title: "Gradient × input",
  paper: "Shrikumar et al., ICML 2017",
  needs: ["activations", "gradients"],
  reads: "input",
  map: ({ activations, gradients }) => sumOfProducts(activations, gradients.data),
});

/** `Σ_c a[c, y, x] · b[c, y, x]` of two tensors `[C, H, W]`, summed in float64. */
export function sumOfProducts({ dims, data }: Tensor, other: ArrayLike<number>): Map2D {
  const [C, H, W] = dims as [number, number, number];
  const sum = new Float64Array(H * W);
  for (let c = 0; c < C; c++) {
    for (let i = 0; i < H * W; i++) sum[i]! += data[c * H * W + i]! * other[c * H * W + i]!;
  }
  return { height: H, width: W, data: new Float32Array(sum) };
}
