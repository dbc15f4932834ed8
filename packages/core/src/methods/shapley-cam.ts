import { keepsNothing } from "../keeps-nothing.js";
import { channelMeans, weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Grad-CAM's weights corrected by the curvature of the score: each channel's Shapley value, to second order.
 *
 * `cam = Σ_c w_c · A[c]`, `w_c` the mean over cells of `G − ½ · H·A`, where `H·A` is the Hessian of the score times the activations;
 * all `[C, H, W]`. The product takes a few more runs of the network after the layer; the Hessian itself is never computed. If the score is piecewise linear in the layer,
 * the curvature is zero and the map is Grad-CAM's.
 *
 * Cai, "CAMs as Shapley Value-based Explainers", The Visual Computer 2025. Equal to pytorch-grad-cam's ShapleyCAM, given the same curvature.
 */
export const shapleyCam: CamMethod<"activations" | "gradients" | "curvature"> = keepsNothing({
  id: "ShapleyCAM",
  aliases: ["shapley-cam"],
  title: "ShapleyCAM",
  paper: "Cai, The Visual Computer 2025",
  needs: ["activations", "gradients", "curvature"],
  // Four runs of the tail and one backward pass.
  runs: () => 5,
  ...weighChannels<"gradients" | "curvature">(({ gradients, curvature }) => {
    const bend = channelMeans(curvature);
    return channelMeans(gradients).map((slope, c) => slope - bend[c]! / 2);
  }),
});
