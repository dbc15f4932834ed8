import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";
import { sumOfProducts } from "./products.js";

/**
 * Multiplies activations and gradients cell by cell: how much does each position contribute to the score?
 *
 * `cam[h, w] = Σ_c G[c, h, w] · A[c, h, w]`, `A` and `G = d score / d A` both `[C, H, W]`. One forward and one backward pass.
 * If the layers after it are linear, the map sums to the score without its bias, so that it shows only positions that the model used. Grad-CAM does not guarantee
 * that. The ReLU follows the sum over channels.
 *
 * At the input of a YOLOv5 head, a 1×1 convolution, the gradient of a detection is a single cell, and so is the map.
 * Therefore `auto` reads the backbone's last map with that stride. Equal to pytorch-grad-cam's HiResCAM.
 *
 * Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", arXiv:2011.08891, 2020.
 */
export const hiResCam: CamMethod<"gradientProducts"> = keepsNothing({
  id: "HiResCAM",
  aliases: ["hirescam", "hires"],
  title: "HiResCAM",
  paper: "Draelos and Carin, 2020",
  auto: "stage",
  ...sumOfProducts("gradientProducts"),
});
