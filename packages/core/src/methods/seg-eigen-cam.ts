import { keepsNothing } from "../keeps-nothing.js";
import { product } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * The first principal component of activations weighted by the gradient's size, with the larger extreme made positive.
 *
 * `cam = X · v₁`, where `X` `[H·W, C]` is `|G| ⊙ A` minus each channel's mean, and `v₁` the right singular vector of its largest singular value. The sign is
 * flipped if `|min| > |max|`. `A` and `G = d score / d A` are `[C, H, W]`. One forward and one backward pass. `spectral gap` in the report is σ₂/σ₁: near 1 the pattern is
 * not well defined.
 *
 * The rule for the sign is part of the method. Equal to pytorch-grad-cam's SegEigenCAM as of version 1.5.7.
 *
 * Chung and Ying, "Seg-Eigen-CAM: Eigen-Value-Based Visual Explanations for Semantic Segmentation Models", Applied Sciences 2025, eq. 10 to 13.
 */
export const segEigenCam: CamMethod<"activations" | "gradients"> = keepsNothing({
  id: "SegEigenCAM",
  aliases: ["seg-eigen-cam"],
  title: "Seg-Eigen-CAM",
  paper: "Chung and Ying, Applied Sciences 2025",
  needs: ["activations", "gradients"],
  auto: "stage",
  async map({ activations, gradients, report }) {
    const { firstComponent } = await import("../algebra/principal-component.js");
    const { map, gap } = firstComponent(product(gradients, activations, true));
    report("spectral gap", gap);
    return map;
  },
});
