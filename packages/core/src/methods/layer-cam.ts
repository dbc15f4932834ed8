import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";
import { sumOfProducts } from "./products.js";

/**
 * Weights each cell of each channel by its own positive gradient. The maps are sharp for shallow layers too.
 *
 * `cam[h, w] = Σ_c max(G[c, h, w], 0) · A[c, h, w]`, `A` and `G = d score / d A` both `[C, H, W]`. One forward and one backward pass.
 * With SiLU `A` can be negative, and so can the map. The ReLU is a later step that all methods share.
 *
 * Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE TIP 2021, eq. 6 to 8. Equal to
 * pytorch-grad-cam's LayerCAM.
 */
export const layerCam: CamMethod<"positiveGradientProducts"> = keepsNothing({
  id: "LayerCAM",
  aliases: ["layer-cam", "layer_cam"],
  title: "LayerCAM",
  paper: "Jiang et al., IEEE TIP 2021",
  auto: "stage",
  ...sumOfProducts("positiveGradientProducts"),
});
