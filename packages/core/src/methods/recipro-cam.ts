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
 * **Cost:** one forward pass and up to `H · W` runs of the part after the layer, in batches. A score of the detection's own row depends on a few cells of
 * the layer. Only for these the part runs, on windows around the cell and the detection. All other cells give the score of a layer of zeros. If the part after the layer
 * contains attention, or the score reads other rows, it runs on whole maps for each cell.
 *
 * **Edge cases:** a score that is not finite counts as the minimum. A single cell, or equal scores for all cells, gives zeros.
 *
 * **For detectors:** the paper explains the class score of a classifier. Here the default is the confidence of the detection's own
 * row. At the input of the head one cell makes one row, and the map is a single dot. The paper reads the last feature map of the classifier. So
 * `auto` reads the backbone's last map (for YOLOv5 and YOLOv8 the output of SPPF) for detections of all levels. The neck after it is local, so that the
 * map is an area around the detection: large for detections of the coarsest level, a few cells for small objects. Before SPPF each cell would reach most rows.
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
  auto: "deepest",
  scores: ["row"],
  runs: ({ dims }) => dims[1]! * dims[2]!,
  async map({ activations, tail }) {
    const [, H, W] = activations.dims as [number, number, number];
    const scores = await tail.cellScores();
    let least = Number.POSITIVE_INFINITY;
    for (const score of scores) if (Number.isFinite(score) && score < least) least = score;
    const data = Float32Array.from(scores, (score) => (Number.isFinite(score) ? score - least : 0));
    return { height: H, width: W, data };
  },
});
