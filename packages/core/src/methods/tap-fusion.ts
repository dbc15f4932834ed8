import { keepsNothing } from "../keeps-nothing.js";
import { smoothCells } from "../kernels/smooth-cells.js";
import type { Map2D } from "../tensor/tensor.js";
import { layerCam } from "./layer-cam.js";
import type { CamMethod } from "./method.js";

/** Prevents a zero at one depth from erasing the other depths. */
const FLOOR = 1e-3;
/** Standard deviation of the smoothing, in cells of the tap. Without it the edges of the cells of stride 32 are visible. */
const SMOOTHING = 0.5;

/**
 * One backward pass from the detection's own row, read at several depths and fused: shallow layers give the outline,
 * deep layers the object, and only areas where all agree remain.
 *
 * At each tap `t` a LayerCAM, `cam_t[h, w] = Σ_c max(G_t[c, h, w], 0) · A_t[c, h, w]` with activations `A_t` and `G_t = d score
 * / d A_t`, both `[C, h, w]`. Each map passes ReLU, is smoothed by a Gaussian of half a cell of the tap, resized to a cell per 8 × 8 input pixels (the finest tap) and scaled to its own maximum.
 * The result is their geometric mean
 * `exp(mean_t log(cam_t + 0.001)) − 0.001`. Taps without any heat are skipped. The default score is the confidence of the
 * detection's own row, objectness × class probability.
 *
 * **Taps** that `auto` reads: the last feature maps of the backbone's deeper stages, the neck's map after its first
 * concatenation, and the concatenation before the last block of the detection's own level. They are found in the graph.
 *
 * **Cost:** one forward pass and one backward pass to the shallowest tap. `tap-fusion-fast` reads fewer taps, none of them
 * shallow.
 *
 * **Resolution:** the taps are fused at stride 8, that of the finest tap, and the result is resized once. Compared with fusion at every input pixel,
 * insertion minus deletion is 0.696 instead of 0.689 (`tap-fusion-fast` 0.714 instead of 0.716; 10 detections in two views of the three photos in the
 * repository). These are too few to show a small difference.
 *
 * **Why:** at the input of a detector's head the gradient of one detection is a single cell, and a map that pools it
 * highlights all objects of the same kind. On YOLOv5s at 640 (62 detections in 34 photos) insertion minus deletion of tap fusion equals that of a
 * Gaussian at the box, the baseline (+0.006, 95 % interval −0.020 to 0.034), and is 0.20 above that of Grad-CAM at the head input. On small boxes it is
 * 0.02 above the Gaussian. Within the box it is 0.04 above it (−0.02 to 0.10).
 *
 * A method of Whybox. Its parts are LayerCAM: Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE TIP
 * 2021. pytorch-grad-cam does not have it: there, several layers are averaged.
 */
export const tapFusion: CamMethod<"positiveGradientProducts"> = keepsNothing({
  id: "tap-fusion",
  title: "Tap fusion",
  paper: "Whybox; after Jiang et al., IEEE TIP 2021",
  needs: layerCam.needs,
  auto: "taps",
  scores: ["row"],
  map: async (evidence) => smoothed(await layerCam.map(evidence)),
  fuse: geometricMean,
  fuseStride: 8,
});

/** The positive part of the map of a tap, smoothed by a share of its cell. */
function smoothed({ height, width, data }: Map2D): Map2D {
  const positive = Float64Array.from(data, (value) => (value > 0 ? value : 0));
  return { height, width, data: new Float32Array(smoothCells(positive, [height, width], SMOOTHING)) };
}

/**
 * `exp(mean log(map + 0.001)) − 0.001` of non-negative maps of one size, each first scaled to its own maximum. It is computed as the root
 * of their product, which takes a quarter of the time of the logarithms.
 */
function geometricMean(maps: readonly Map2D[]): Map2D {
  const { height, width } = maps[0]!;
  const products = new Float64Array(height * width).fill(1);
  for (const { data } of maps) {
    let most = 0;
    for (let i = 0; i < data.length; i++) if (data[i]! > most) most = data[i]!;
    const scale = most > 0 ? 1 / most : 0;
    for (let i = 0; i < products.length; i++) products[i]! *= data[i]! * scale + FLOOR;
  }
  const data = new Float32Array(height * width);
  for (let i = 0; i < data.length; i++) data[i] = Math.max(0, products[i]! ** (1 / maps.length) - FLOOR);
  return { height, width, data };
}
