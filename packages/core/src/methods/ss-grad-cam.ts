import { keepsNothing } from "../keeps-nothing.js";
import { channelMeans, sumOverChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Grad-CAM whose channels count only where their own gradient is large: Grad-CAM's weights, limited to the explained object.
 *
 * `cam = Σ_c w_c · A[c] ⊙ S[c]` with `w_c` the mean of `G[c]` over its cells and `S[c] = |G[c]| / max |G[c]|`; `A` and `G = d score / d A` are `[C, H, W]`. One forward and one
 * backward pass. A channel without gradient adds nothing.
 *
 * At the input of a YOLOv5 head, a 1×1 convolution, the gradient of a detection is a single cell, and so is the map. Therefore `auto` reads the backbone's
 * last map with that stride.
 *
 * Yamauchi and Ishikawa, "Spatial Sensitive Grad-CAM: Visual Explanations for Object Detection by Incorporating Spatial Sensitivity", ICIP 2022.
 */
export const ssGradCam: CamMethod<"activations" | "gradients"> = keepsNothing({
  id: "SSGrad-CAM",
  aliases: ["spatial-sensitive-grad-cam"],
  title: "Spatial sensitive Grad-CAM",
  paper: "Yamauchi and Ishikawa, ICIP 2022",
  needs: ["activations", "gradients"],
  auto: "stage",
  ...sumOverChannels<"gradients">((evidence) => spatiallySensitive(evidence, channelMeans(evidence.gradients))),
});

/** The contribution of a channel with this weight: `w · A ⊙ |G| / max |G|`. */
export function spatiallySensitive(
  {
    activations: { data: A },
    gradients: { data: G },
  }: Pick<Parameters<typeof ssGradCam.map>[0], "activations" | "gradients">,
  weights: Float64Array,
) {
  return (into: Float64Array, start: number, channel: number): void => {
    let most = 0;
    for (let i = 0; i < into.length; i++) most = Math.max(most, Math.abs(G[start + i]!));
    const scale = most > 0 ? weights[channel]! / most : 0;
    for (let i = 0; i < into.length; i++) into[i] = scale * A[start + i]! * Math.abs(G[start + i]!);
  };
}
