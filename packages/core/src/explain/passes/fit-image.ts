import { WhyboxError } from "../../errors.js";
import type { Letterbox, RgbImage } from "../../image/frame.js";
import { planLetterbox } from "../../image/letterbox.js";
import { defaultInputSize, type LoadedModel } from "../model/loaded-model.js";
import type { ResolvedDetectOptions } from "../options/resolve-options.js";

/** An image, and how it is fitted into the network's input. */
export interface FittedImage {
  readonly image: RgbImage;
  readonly letterbox: Letterbox;
}

/** Plans how an image is fitted. @throws usage for an image size that the model does not support. */
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
    size: imageSize ?? defaultInputSize(sides, input.size),
    stride,
    fixed: [sides[0] !== undefined, sides[1] !== undefined],
    padding: input.padding,
    fit: input.fit,
    ...(input.crop === undefined ? {} : { crop: input.crop }),
  });
  return { image, letterbox };
}
