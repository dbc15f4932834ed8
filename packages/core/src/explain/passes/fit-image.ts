import { WhyboxError } from "../../errors.js";
import type { Letterbox, RgbImage } from "../../image/frame.js";
import { planLetterbox } from "../../image/letterbox.js";
import { type LoadedModel, usualSize } from "../model/loaded-model.js";
import type { ResolvedDetectOptions } from "../options/resolve-options.js";

/** An image, and how it goes into the network. */
export interface FittedImage {
  readonly image: RgbImage;
  readonly letterbox: Letterbox;
}

/** Plans the letterbox of an image. @throws usage for an image size that the model cannot take. */
export function fitImage(
  { input, stride }: LoadedModel,
  image: RgbImage,
  { imageSize }: Pick<ResolvedDetectOptions, "imageSize">,
): FittedImage {
  const { sides } = input;
  if (imageSize !== undefined && sides.some((side, axis) => side !== undefined && side !== imageSize[axis])) {
    const fixed = sides.map((side) => side ?? "any").join(", ");
    throw new WhyboxError(
      "usage",
      `imageSize is [${imageSize.join(", ")}], but the model's input is fixed at [${fixed}]. Leave imageSize out, or export the model with a dynamic input.`,
      { details: { imageSize, fixed: sides } },
    );
  }
  const letterbox = planLetterbox([image.height, image.width], {
    size: imageSize ?? usualSize(sides),
    stride,
    fixed: [sides[0] !== undefined, sides[1] !== undefined],
    padding: input.padding,
  });
  return { image, letterbox };
}
