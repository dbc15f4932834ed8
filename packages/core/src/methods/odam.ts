import { keepsNothing } from "../keeps-nothing.js";
import { hiResCam } from "./hi-res-cam.js";
import type { CamMethod } from "./method.js";

/**
 * Activations times gradients, cell by cell, for a single prediction of the detector: a map of the object, not of its class.
 *
 * `cam[h, w] = Σ_c G[c, h, w] · A[c, h, w]`, with `G` the gradient of one number of one detection: its confidence, or with several scores also
 * its box sides. The maps of several scores are merged by their maximum at each cell. `A` and `G` are `[C, H, W]`.
 * One forward pass and one row of a batched backward pass for each detection and score.
 *
 * The paper reads the pyramid level that found the detection, through heads of several 3×3 convolutions. YOLOv5's head is a single 1×1 convolution, where the gradient is a single
 * cell. So `auto` reads the backbone's last map with that stride instead.
 *
 * Zhao and Chan, "ODAM: Gradient-based Instance-Specific Visual Explanations for Object Detection", ICLR 2023.
 */
export const odam: CamMethod<"gradientProducts"> = keepsNothing({
  ...hiResCam,
  id: "ODAM",
  aliases: [],
  title: "ODAM",
  paper: "Zhao and Chan, ICLR 2023",
  scores: ["row"],
  merge: "max",
});
