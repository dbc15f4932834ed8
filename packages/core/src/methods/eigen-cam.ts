import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";

/**
 * The first principal component of the activations: the strongest pattern of the layer, regardless of the score.
 *
 * `cam = X · v₁`, where `X` `[H·W, C]` are the activations minus each channel's mean, and `v₁` the right singular vector of the largest singular
 * value. One forward pass, no gradient. The same for every class and detection of an image, but for its sign.
 *
 * The sign of a singular vector is arbitrary. The library takes the sign that LAPACK happens to return: in 22 of 37 maps of YOLOv5s it drops the strongest region.
 * By default the map correlates positively with the detector's objectness × class probability. If that is constant, the extreme with the larger absolute value is
 * positive. With `compat: true` it always is: the library's map is this one or its negative, which is not predictable.
 * Only the first component is computed. `spectral gap` in the report is σ₂/σ₁: near 1 the pattern is not well defined.
 *
 * Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", IJCNN 2020, eq. 1 and 2; the mean is subtracted as in
 * pytorch-grad-cam's EigenCAM.
 */
export const eigenCam: CamMethod<"activations" | "channelScatter" | "scoreMap"> = keepsNothing({
  id: "EigenCAM",
  aliases: ["eigen-cam"],
  title: "Eigen-CAM",
  paper: "Muhammad and Yeasin, IJCNN 2020",
  needs: ["activations", "channelScatter", "scoreMap"],
  hasCompat: true,
  async map({ activations, channelScatter, scoreMap, compat, report }) {
    const { firstComponentOf } = await import("../algebra/principal-component.js");
    const { map, gap } = firstComponentOf(activations, channelScatter, compat ? undefined : scoreMap);
    report("spectral gap", gap);
    return map;
  },
});
