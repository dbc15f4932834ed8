import { WhyboxError } from "../errors.js";
import { resizeRgb } from "../kernels/resample.js";
import type { Letterbox, PlanePart, RgbImage, Size } from "./frame.js";
import { checkRgbImage } from "./rgb-image.js";

/** Where the grey padding is: "centre" on both sides of the image, "end" only at the right and the bottom, as in YOLOX. */
export type PaddingSide = "centre" | "end";

/**
 * How the image becomes the input. "letterbox": scaled as a whole, the rest is grey. "stretch": each side is scaled to that of the input. "crop":
 * scaled to cover the input, and the rest is cut off on both sides, as for classifiers.
 */
export type Fit = "letterbox" | "stretch" | "crop";

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
  /** Default "letterbox". A stretched or cropped image fills `size`, rounded up to whole strides where it is not fixed. */
  readonly fit?: Fit;
  /** For a crop: the sides of the input as a share of those of the image that it is cut from. Default 1: one side of the image is whole. */
  readonly crop?: number;
}

/** YOLOv5's padding grey, 0..255. */
export const GREY = 114;

/** Maximum number of values of the scaled image that a crop is cut from (256 MB). A long strip of an image exceeds it. */
const MAX_SCALED = 64 * 2 ** 20;

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
  if (target.fit === "stretch") {
    return { imageSize, inputSize: max, contentSize: max, scale: max[1] / W, padTop: 0, padLeft: 0 };
  }
  if (target.fit === "crop") return planCrop(imageSize, max, target.crop ?? 1);
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

/** Plans a crop from the middle, with the rounding of torchvision's Resize and CenterCrop. */
function planCrop(imageSize: Size, inputSize: Size, crop: number): Letterbox {
  const [H, W] = imageSize;
  const scale = Math.max(inputSize[0] / crop / H, inputSize[1] / crop / W);
  // Slightly more, so that a side that is exact is not rounded down.
  const side = (axis: 0 | 1): number => Math.max(inputSize[axis], Math.floor(imageSize[axis] * scale + 1e-6));
  const contentSize: Size = [side(0), side(1)];
  if (3 * contentSize[0] * contentSize[1] > MAX_SCALED) {
    throw new WhyboxError(
      "usage",
      `An image of [${H}, ${W}] is too long to be cropped to [${inputSize.join(", ")}]: scaled, it is [${contentSize.join(", ")}]. Cut it, or set fit to "letterbox" or "stretch".`,
    );
  }
  const cut = (axis: 0 | 1): number => 0 - roundHalfEven((contentSize[axis] - inputSize[axis]) / 2);
  return { imageSize, inputSize, contentSize, scale, padTop: cut(0), padLeft: cut(1) };
}

/** Whether the scaled image is cut at the borders of the input. */
export function isCropped({ padTop, padLeft, contentSize, inputSize }: Letterbox): boolean {
  return padTop < 0 || padLeft < 0 || contentSize[0] > inputSize[0] || contentSize[1] > inputSize[1];
}

/** The pixels of the input that show the image, without the padding. */
export function contentOf({ inputSize, contentSize, padTop, padLeft }: Letterbox): PlanePart {
  const [top, left] = [Math.max(padTop, 0), Math.max(padLeft, 0)];
  const side = (axis: 0 | 1, start: number, pad: number) => Math.min(inputSize[axis], pad + contentSize[axis]) - start;
  return { top, left, height: side(0, top, padTop), width: side(1, left, padLeft) };
}

/**
 * Fits an image into the input as planned.
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
  if (isCropped(plan)) {
    cropTo(image, plan, data);
    return data;
  }
  if (contentH !== height || contentW !== width) data.fill(GREY / 255);
  resizeRgb(image, plan.contentSize, { height, width, data, top: plan.padTop, left: plan.padLeft });
  return data;
}

function cropTo(image: RgbImage, { contentSize, inputSize, padTop, padLeft }: Letterbox, into: Float32Array): void {
  const [h, w] = contentSize;
  const [height, width] = inputSize;
  const data = new Float32Array(3 * h * w);
  resizeRgb(image, contentSize, { height: h, width: w, data, top: 0, left: 0 });
  for (let row = 0; row < 3 * height; row++) {
    const [plane, y] = [Math.floor(row / height), row % height];
    const start = (plane * h + y - padTop) * w - padLeft;
    into.set(data.subarray(start, start + width), row * width);
  }
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
