import type { CamMethod } from "./method.js";

/**
 * Asks of each cell of a layer how far it carries the score alone: everything but that cell is set to zero, and the rest of the
 * network runs.
 *
 * `cam[h, w] = s(A ⊙ e_hw) − min s`, where `A` `[C, H, W]` are the activations of the layer and `e_hw` is 1 at cell `(h, w)` of
 * all channels and 0 elsewhere. Subtracting the least score is the paper's min–max scaling, whose other half comes later; it
 * also makes a map of scores that are negative throughout.
 *
 * **Cost:** one forward pass and `H · W` runs of the part behind the layer, in batches.
 *
 * **Edge cases:** a score that is not finite counts as the least. One cell, or the same score for all cells, gives zeros.
 *
 * **For detectors:** made for classifiers, where the score is a class; here it is the confidence of the detection's own row
 * unless another score is asked for. At the input of the head one cell makes one row, and the map is one dot. It tells
 * something at the backbone, whose last map of the detection's stride is what `auto` reads.
 *
 * pytorch-grad-cam does not have it.
 *
 * Byun and Lee, "ReciproCAM: Lightweight Gradient-free Class Activation Map for Post-hoc Explanations", CVPR Workshops 2024;
 * first as arXiv 2209.14074, 2022.
 */
export const reciproCam: CamMethod<"activations" | "tail"> = {
  id: "Recipro-CAM",
  title: "Recipro-CAM",
  paper: "Byun and Lee, CVPRW 2024",
  needs: ["activations", "tail"],
  auto: "stage",
  scores: ["row"],
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
};
