import type { Fit } from "../image/letterbox.js";
import type { PerChannel } from "./input/preprocessor.js";

/** How the authors of a family prepare their images, for files that do not tell. `mean` and `std` are in units of `range`, by default 1. */
export interface FamilyPreparation {
  readonly range?: 255;
  readonly channels?: "bgr";
  readonly mean?: PerChannel;
  readonly std?: PerChannel;
  readonly fit?: Fit;
}

/** Mean and standard deviation of ImageNet's images in 0..1, which classifiers and the backbones of DETR and RF-DETR are trained with. */
export const IMAGENET = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const satisfies FamilyPreparation;
