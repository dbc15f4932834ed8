import { keepsNothing } from "../keeps-nothing.js";
import type { Map2D } from "../tensor/tensor.js";
import { weighChannels } from "./channels.js";
import { plusPlusWeights } from "./grad-cam-plus-plus.js";
import type { CamMethod } from "./method.js";

/**
 * Multiplies the Grad-CAM++ maps of several layers: only areas where all depths agree remain, as sharp as in the shallowest layer.
 *
 * Per layer `cam = Σ_c w_c · A[c]` with Grad-CAM++'s weights (`compat` as there), ReLU'd, scaled to 0..1 and resized to the input; then `Π_layers cam`, cell by
 * cell. One forward and one backward pass for all layers. Give several layers: with one, the map is Grad-CAM++'s. `auto` takes layers of several depths.
 *
 * A layer whose map is all zeros, such as one that feeds only another level, is skipped. In pytorch-grad-cam's RefineCAM it
 * makes the whole map zero.
 *
 * RefineCAM, arXiv:2605.14641, 2026.
 */
export const refineCam: CamMethod<"activations" | "gradients"> = keepsNothing({
  id: "RefineCAM",
  aliases: ["refine-cam"],
  title: "RefineCAM",
  paper: "arXiv:2605.14641, 2026",
  needs: ["activations", "gradients"],
  auto: "taps",
  hasCompat: true,
  ...weighChannels<"gradients">(plusPlusWeights),
  fuse(maps: readonly Map2D[]): Map2D {
    const { height, width } = maps[0]!;
    const product = new Float64Array(height * width).fill(1);
    for (const { data } of maps) for (let i = 0; i < product.length; i++) product[i]! *= data[i]!;
    return { height, width, data: new Float32Array(product) };
  },
});
