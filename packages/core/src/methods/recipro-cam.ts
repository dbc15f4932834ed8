import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";

/**
 * Measures the score that each cell of a layer produces alone: all other cells are set to zero, and the rest of the
 * network runs.
 *
 * `cam[h, w] = s(A ⊙ e_hw) − min s`, where `A` `[C, H, W]` are the activations of the layer and `e_hw` is 1 at cell `(h, w)` of
 * all channels and 0 elsewhere. Subtracting the minimum score is one half of the paper's min–max scaling; the other half comes later. It
 * also handles scores that are all negative.
 *
 * **Cost:** one forward pass and `H · W` runs of the part after the layer, in batches.
 *
 * **Edge cases:** a score that is not finite counts as the minimum. A single cell, or equal scores for all cells, gives zeros.
 *
 * **For detectors:** the paper explains the class score of a classifier. Here the default is the confidence of the detection's own
 * row. At the input of the head one cell makes one row, and the map is a single dot. It is useful in the backbone, so `auto` reads the
 * backbone's last map with the detection's stride.
 *
 * pytorch-grad-cam does not have it.
 *
 * Byun and Lee, "ReciproCAM: Lightweight Gradient-free Class Activation Map for Post-hoc Explanations", CVPR Workshops 2024;
 * first as arXiv 2209.14074, 2022.
 */
export const reciproCam: CamMethod<"activations" | "tail"> = keepsNothing({
  id: "Recipro-CAM",
  title: "Recipro-CAM",
  paper: "Byun and Lee, CVPRW 2024",
  needs: ["activations", "tail"],
  auto: "stage",
  scores: ["row"],
  runs: ({ dims }) => dims[1]! * dims[2]!,
  async map({ activations, tail }) {
    const [C, H, W] = activations.dims as [number, number, number];
    const cells = H * W;
    const scores = await tail.scores(cells, (cell, into) => {
      into.fill(0);
      for (let c = 0; c < C; c++) into[c * cells + cell] = activations.data[c * cells + cell]!;
    });
    let least = Number.POSITIVE_INFINITY;
    for (const score of scores) if (Number.isFinite(score) && score < least) least = score;
    const data = Float32Array.from(scores, (score) => (Number.isFinite(score) ? score - least : 0));
    return { height: H, width: W, data };
  },
});
