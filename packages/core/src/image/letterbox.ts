import { WhyboxError } from "../errors.js";
import { resizeRgb } from "../kernels/resample.js";
import type { Letterbox, RgbImage, Size } from "./frame.js";
import { checkRgbImage } from "./rgb-image.js";

/** Where the grey is: on both sides of the picture, or at the right and the bottom only, as YOLOX has it. */
export type PaddingSide = "centre" | "end";

/** The input that a network wants. */
export interface LetterboxTarget {
  /** `[h, w]` in input pixels. */
  readonly size: Size;
  /** The network's largest stride: a dynamic input's sides are multiples of it. */
  readonly stride: number;
  /**
   * True when the model accepts only `size`; else the smallest rectangle that holds the scaled picture is used. `[h, w]` where the model
   * fixes one side only.
   */
  readonly fixed: boolean | readonly [height: boolean, width: boolean];
  /** Default "centre". */
  readonly padding?: PaddingSide;
}

/** The grey that YOLOv5 pads with, of 255. */
const GREY = 114;

/**
 * Plans YOLOv5's letterbox: the picture is scaled by `min(th / h, tw / w)` (small pictures are enlarged), rounded, and
 * put on grey, in the middle unless `padding` says otherwise. With a fixed side the padding fills it; else it goes up to the next multiple
 * of the stride, and a side of `size` that is none is first raised to one. Each side of the content is at least one pixel.
 * @throws usage when a size or the stride is not a whole number of 1 or more.
 */
export function planLetterbox(imageSize: Size, target: LetterboxTarget): Letterbox {
  const { stride, fixed, padding = "centre" } = target;
  checkWhole("picture", imageSize);
  checkWhole("network input", target.size);
  checkWhole("stride", [stride]);
  const [fixedH, fixedW] = typeof fixed === "boolean" ? [fixed, fixed] : fixed;
  const filled = (side: number, isFixed: boolean): number => (isFixed ? side : ceilTo(side, stride));
  const most: Size = [filled(target.size[0], fixedH), filled(target.size[1], fixedW)];
  const [H, W] = imageSize;
  const scale = Math.min(most[0] / H, most[1] / W);
  const content: Size = [Math.max(1, roundHalfEven(H * scale)), Math.max(1, roundHalfEven(W * scale))];
  const inputSize: Size = [fixedH ? most[0] : filled(content[0], false), fixedW ? most[1] : filled(content[1], false)];
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
 * Letterboxes a picture as planned.
 * @param into where it goes, of `3 · H · W` values; default: a new array.
 * @returns planar RGB 0..1, `[1, 3, H, W]` of `letterbox.inputSize`, grey 114/255 around the content.
 * @throws usage when the picture's data does not fit its size or its size is not the planned one; internal when `into` is of another size.
 */
export function letterbox(image: RgbImage, plan: Letterbox, into?: Float32Array): Float32Array {
  checkRgbImage(image);
  if (image.height !== plan.imageSize[0] || image.width !== plan.imageSize[1]) {
    throw new WhyboxError(
      "usage",
      `The letterbox was planned for a picture of [${plan.imageSize.join(", ")}], got [${image.height}, ${image.width}]. Plan it again for this picture.`,
    );
  }
  const [height, width] = plan.inputSize;
  const [contentH, contentW] = plan.contentSize;
  const data = into ?? new Float32Array(3 * height * width);
  if (data.length !== 3 * height * width) {
    throw new WhyboxError("internal", `An input of [${height}, ${width}] does not fit into ${data.length} values.`);
  }
  if (contentH !== height || contentW !== width) data.fill(GREY / 255);
  resizeRgb(image, plan.contentSize, { height, width, data, top: plan.padTop, left: plan.padLeft });
  return data;
}

/** Of an odd padding the smaller half comes first. */
function leadingPad(total: number): number {
  return Math.floor(total / 2);
}

function ceilTo(side: number, stride: number): number {
  return Math.ceil(side / stride) * stride;
}

/** As Python's `round`, which YOLOv5 uses. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

function checkWhole(what: string, sizes: readonly number[]): void {
  if (sizes.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new WhyboxError(
      "usage",
      `Cannot plan the letterbox: the ${what} is [${sizes.join(", ")}], but must be whole numbers of 1 or more.`,
    );
  }
}
