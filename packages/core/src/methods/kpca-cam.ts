import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";

/**
 * Eigen-CAM with a kernel: the strongest pattern of the layer, which may be non-linear in the channels.
 *
 * `cam = √λ₁ · u₁`, the first eigenpair of the doubly centred `K = tanh(x · y / C + 1)` between the cells' channels `x`, `y`, minus the channels' means. One forward pass,
 * no gradient; the kernel has `(H·W)²` entries and costs `C · (H·W)² / 2` multiplications: milliseconds at 20 × 20 cells, seconds at 80 × 80.
 *
 * The sign follows the detector's objectness × class probability, as in EigenCAM. With `compat: true` the entry with the largest absolute value is positive:
 * the rule of scikit-learn and of pytorch-grad-cam's KPCA_CAM. `spectral gap` in the report is λ₂/λ₁: near 1 the pattern is not well defined.
 *
 * Karmani et al., "KPCA-CAM: Visual Explainability of Deep Computer Vision Models using Kernel PCA", MMSP 2024.
 */
export const kpcaCam: CamMethod<"activations" | "scoreMap"> = keepsNothing({
  id: "KPCA-CAM",
  aliases: ["kpca", "kpca_cam"],
  title: "KPCA-CAM",
  paper: "Karmani et al., MMSP 2024",
  needs: ["activations", "scoreMap"],
  hasCompat: true,
  async map({ activations, scoreMap, compat, report }) {
    const { kernelComponent } = await import("../algebra/kernel-component.js");
    const { map, gap } = kernelComponent(activations, compat ? undefined : scoreMap);
    report("spectral gap", gap);
    return map;
  },
});
