import { firstComponent } from "../algebra/principal-component.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import type { CamMethod, Setting } from "./method.js";

/**
 * The first principal component of the activations: the strongest pattern of the layer, whatever the score.
 *
 * `cam = X · v₁`, where `X` `[H·W, C]` are the activations with each channel's mean taken off, and `v₁` the right singular vector of the largest singular
 * value. One forward pass, no gradient. The same for every class and detection of a picture, but for its sign.
 *
 * A singular vector has no sign of its own, and the library takes the one that LAPACK happens to return: in 22 of 37 maps of YOLOv5s it drops the strongest lobe.
 * By default the sign is the one that correlates with the detector's own objectness × class probability; where that is constant, the larger extreme is
 * positive. With `compat: true` the larger extreme is always positive: the library's map is this one or its negative, which cannot be told
 * beforehand. Only the first component is computed. `spectral gap` in the report is σ₂/σ₁: near 1 the pattern is not well defined.
 *
 * Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", IJCNN 2020, eq. 1 and 2; the mean is taken off as in
 * pytorch-grad-cam's EigenCAM.
 */
export const eigenCam: CamMethod<"activations" | "scoreMap"> = {
  id: "EigenCAM",
  aliases: ["eigen-cam"],
  title: "Eigen-CAM",
  paper: "Muhammad and Yeasin, IJCNN 2020",
  needs: ["activations", "scoreMap"],
  hasCompat: true,
  map: (evidence) => eigenMap(evidence.activations, evidence),
};

/** The first principal component of `[C, H, W]` with its sign chosen, the gap between it and the second reported. */
export function eigenMap(
  tensor: Tensor,
  { scoreMap, compat, report }: Pick<Setting, "compat" | "report"> & { readonly scoreMap: Map2D },
): Map2D {
  const { map, gap } = firstComponent(tensor, compat ? undefined : scoreMap);
  report("spectral gap", gap);
  return map;
}
