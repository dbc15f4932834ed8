import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";
import { sumOfProducts } from "./products.js";

/**
 * HiResCAM with the ReLU before the sum over channels: evidence for the score adds up, evidence against it is ignored.
 *
 * `cam[h, w] = Σ_c max(G[c, h, w] · A[c, h, w], 0)`, `A` and `G = d score / d A` both `[C, H, W]`. One forward and one backward pass.
 * A position where some channels support the score and others oppose it stays bright, unlike in HiResCAM. The map is never negative.
 *
 * Per detection this is the FullGrad-CAM of Liu et al., "Human attention guided explainable artificial intelligence for object detection", Neural
 * Networks 2024. From pytorch-grad-cam (GradCAMElementWise), and equal to it.
 */
export const gradCamElementWise: CamMethod<"positiveProducts"> = keepsNothing({
  id: "GradCAMElementWise",
  aliases: ["grad-cam-element-wise", "gradcam_elementwise", "FullGrad-CAM"],
  title: "Grad-CAM, element-wise",
  paper: "Gildenblat et al., pytorch-grad-cam, 2021",
  auto: "stage",
  ...sumOfProducts("positiveProducts"),
});
