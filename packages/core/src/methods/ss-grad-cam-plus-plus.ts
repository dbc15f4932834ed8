import { keepsNothing } from "../keeps-nothing.js";
import { perChannel, shapeOf, sumOverChannels } from "./channels.js";
import type { CamMethod, Evidence, Place, Setting } from "./method.js";
import { spatiallySensitive } from "./ss-grad-cam.js";

/**
 * SSGrad-CAM with Grad-CAM++'s weights, computed over the object's own cells: the most faithful one-pass method in published tables.
 *
 * `cam = Σ_c w_c · A[c] ⊙ S[c]` with `S[c] = |G[c]| / max |G[c]|` and `w_c = Σ_M α · max(G, 0)`, `α = G² / (2·G² + G³ · Σ_M A[c])`, both sums over `M`, the cells that
 * the detection's box covers at least in part (of several detections: any box). `A` and `G = d score / d A` are `[C, H, W]`. One forward and one backward pass.
 * Without a detection `M` is the whole map.
 *
 * As in GradCAM++, a negative sum of activations (possible with SiLU) counts as zero, and no constant is added to the denominator. `compat: true` gives the formula of the published
 * code: `α = G² / (2·G²·M + G³ · Σ_M A[c] + 1e-8)` summed over all cells. Cells outside `M` divide by the activations alone, and can become huge with SiLU.
 *
 * Yamauchi, "Spatial Sensitive Grad-CAM++: Improved Visual Explanation for Object Detectors via Weighted Combination of Gradient Map", CVPR Workshops 2024.
 */
export const ssGradCamPlusPlus: CamMethod<"activations" | "gradients" | "places"> = keepsNothing({
  id: "SSGrad-CAM++",
  aliases: ["ssgradcam_plus_plus", "spatial-sensitive-grad-cam++"],
  title: "Spatial sensitive Grad-CAM++",
  paper: "Yamauchi, CVPR Workshops 2024",
  needs: ["activations", "gradients", "places"],
  auto: "stage",
  hasCompat: true,
  ...sumOverChannels<"gradients" | "places">((evidence) => spatiallySensitive(evidence, weightsOf(evidence))),
});

type Parts = Pick<Evidence, "activations" | "gradients" | "places"> & Setting;

function weightsOf({ activations, gradients, places, compat }: Parts): Float64Array {
  const inside = instanceCells(places, activations);
  return perChannel(activations, (start) => {
    let total = 0;
    for (let i = 0; i < inside.length; i++) total += inside[i]! * activations.data[start + i]!;
    let weight = 0;
    for (let i = 0; i < inside.length; i++) {
      const g = gradients.data[start + i]!;
      if (compat && g > 0) weight += published(g, inside[i]!, total);
      if (!compat && g > 0 && inside[i]) weight += g / (2 + Math.max(total, 0) * g);
    }
    return weight;
  });
}

/** The term of a cell with the gradient `g` in the published code. */
function published(g: number, inside: number, total: number): number {
  const below = 2 * g * g * inside + g * g * g * total + 1e-8;
  return below === 0 ? 0 : (g * g * g) / below;
}

/** 1 at each cell that a box covers at least in part, 0 elsewhere. The detection's own cell counts as covered. All ones if no position is known. */
function instanceCells(places: readonly Place[], activations: Evidence["activations"]): Uint8Array {
  const [, H, W] = shapeOf(activations);
  const inside = new Uint8Array(H * W).fill(places.length === 0 ? 1 : 0);
  for (const { box, cell } of places) {
    const [left, right] = [Math.max(Math.floor(box.x1), 0), Math.min(Math.ceil(box.x2), W)];
    for (let y = Math.max(Math.floor(box.y1), 0); y < Math.min(Math.ceil(box.y2), H); y++) {
      if (right > left) inside.fill(1, y * W + left, y * W + right);
    }
    inside[Math.min(cell[1], H - 1) * W + Math.min(cell[0], W - 1)] = 1;
  }
  return inside;
}
