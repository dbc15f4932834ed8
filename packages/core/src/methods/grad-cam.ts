import type { CamMethod } from "./method.js";

/**
 * Grad-CAM: `cam[h, w] = Σ_c α_c · A[c, h, w]` with `α_c` the mean of `G[c]` over its cells, where `A` are activations and
 * `G = d score / d A`, both `[C, H, W]`. One forward and one backward pass.
 * Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, eq. 1 and 2
 * (before the ReLU, which is a shared later step).
 */
export const gradCam: CamMethod<"activations" | "gradients"> = {
  id: "GradCAM",
  aliases: ["grad-cam", "gradcam", "grad_cam"],
  title: "Grad-CAM",
  paper: "Selvaraju et al., ICCV 2017",
  needs: ["activations", "gradients"],
  map({ activations, gradients }) {
    const [C, H, W] = activations.dims as [number, number, number];
    const cells = H * W;
    const sum = new Float64Array(cells);
    for (let c = 0; c < C; c++) {
      const start = c * cells;
      let weight = 0;
      for (let i = start; i < start + cells; i++) weight += gradients.data[i]!;
      weight /= cells;
      if (weight === 0) continue;
      for (let i = 0; i < cells; i++) sum[i]! += weight * activations.data[start + i]!;
    }
    return { height: H, width: W, data: Float32Array.from(sum) };
  },
};
