import { foundOf, WhyboxError } from "../errors.js";
import type { RgbImage } from "./frame.js";
import { isPixelArray } from "./pixels.js";

/** @throws usage when it is no image, the sides are not whole numbers of 1 or more, or `data` does not have `height × width × 3` bytes. */
export function checkRgbImage(image: RgbImage): void {
  if (!isPixelArray(image)) {
    throw new WhyboxError("usage", `Got ${foundOf(image)}; expected decoded pixels: { width, height, data }.`);
  }
  const { height, width, data } = image;
  const whole = Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0;
  if (whole && data.length === height * width * 3) return;
  throw new WhyboxError(
    "usage",
    `The image is [${height}, ${width}] with ${data.length} bytes. Expected sides that are whole numbers of 1 or more, and height × width × 3 bytes of interleaved RGB without alpha.`,
    { details: { height, width, length: data.length } },
  );
}
