import { WhyboxError } from "../errors.js";
import { resizeRgb } from "../kernels/resample.js";
import type { Letterbox, RgbImage, Size } from "./frame.js";
import { checkRgbImage } from "./rgb-image.js";

/** Where the grey padding is: "centre" on both sides of the image, "end" only at the right and the bottom, as in YOLOX. */
export type PaddingSide = "centre" | "end";

/** The input that a network expects. */
export interface LetterboxTarget {
  /** `[h, w]` in input pixels. */
  readonly size: Size;
  /** The network's largest stride. The sides of a dynamic input are multiples of it. */
  readonly stride: number;
  /**
   * True when the model accepts only `size`. Otherwise the input is the smallest rectangle that holds the scaled image. `[h, w]` if the model
   * fixes only one side.
   */
  readonly fixed: boolean | readonly [height: boolean, width: boolean];
  /** Default "centre". */
  readonly padding?: PaddingSide;
}

/** YOLOv5's padding grey, 0..255. */
const GREY = 114;

/**
 * Plans YOLOv5's letterbox. The image is scaled by `min(th / h, tw / w)` (small images are enlarged), and its sides are rounded. It is placed
 * on grey, in the middle by default (see `padding`). The padding fills a fixed side completely. It fills another side up to the next multiple
 * of the stride; a side of `size` is first rounded up to such a multiple. Each side of the content is at least one pixel.
 * @throws usage when a size or the stride is not a whole number of 1 or more.
 */
export function planLetterbox(imageSize: Size, target: LetterboxTarget): Letterbox {
  const { stride, fixed, padding = "centre" } = target;
  checkWhole("image", imageSize);
  checkWhole("network input", target.size);
  checkWhole("stride", [stride]);
  const [fixedH, fixedW] = typeof fixed === "boolean" ? [fixed, fixed] : fixed;
  const filled = (side: number, isFixed: boolean): number => (isFixed ? side : ceilTo(side, stride));
  const max: Size = [filled(target.size[0], fixedH), filled(target.size[1], fixedW)];
  const [H, W] = imageSize;
  const scale = Math.min(max[0] / H, max[1] / W);
  const content: Size = [Math.max(1, roundHalfEven(H * scale)), Math.max(1, roundHalfEven(W * scale))];
  const inputSize: Size = [fixedH ? max[0] : filled(content[0], false), fixedW ? max[1] : filled(content[1], false)];
  const leading = (total: number): number => (padding === "end" ? 0 : leadingPad(total));
  return {
    imageSize,
    inputSize,
    contentSize: content,
    scale,
    padTop: leading(inputSize[0] - content[0]),
    padLeft: leading(inputSize[1] - content[1]),
  };
}

/**
 * Letterboxes an image as planned.
 * @param into the output buffer of `3 · H · W` values. Default: a new array.
 * @returns planar RGB 0..1, `[1, 3, H, W]` with `[H, W]` = `plan.inputSize`. The padding is grey, 114/255.
 * @throws usage when the image's data does not match its size, or its size is not the planned size.
 * @throws internal when `into` has another length.
 */
export function letterbox(image: RgbImage, plan: Letterbox, into?: Float32Array): Float32Array {
  checkRgbImage(image);
  if (image.height !== plan.imageSize[0] || image.width !== plan.imageSize[1]) {
    throw new WhyboxError(
      "usage",
      `The letterbox is planned for an image of [${plan.imageSize.join(", ")}], got [${image.height}, ${image.width}]. Call planLetterbox for this image.`,
    );
  }
  const [height, width] = plan.inputSize;
  const [contentH, contentW] = plan.contentSize;
  const data = into ?? new Float32Array(3 * height * width);
  if (data.length !== 3 * height * width) {
    throw new WhyboxError(
      "internal",
      `An input of [${height}, ${width}] needs ${3 * height * width} values, got ${data.length}.`,
    );
  }
  if (contentH !== height || contentW !== width) data.fill(GREY / 255);
  resizeRgb(image, plan.contentSize, { height, width, data, top: plan.padTop, left: plan.padLeft });
  return data;
}

/** The first half of the padding. It is the smaller half of an odd padding. */
function leadingPad(total: number): number {
  return Math.floor(total / 2);
}

function ceilTo(side: number, stride: number): number {
  return Math.ceil(side / stride) * stride;
}

/** Rounds like Python's `round`, which YOLOv5 uses. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

function checkWhole(what: string, sizes: readonly number[]): void {
  if (sizes.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new WhyboxError(
      "usage",
      `Cannot plan the letterbox: the ${what} is [${sizes.join(", ")}]. Expected whole numbers of 1 or more.`,
    );
  }
}
