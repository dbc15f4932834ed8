import type { LayerSelector } from "../../detector/layer.js";

/** Options of detection. */
export interface DetectOptions {
  /** Least confidence of a kept box, 0..1. Default 0.25. */
  readonly confidence?: number;
  /** IoU above which the weaker of two boxes is dropped, 0..1. Default 0.45. */
  readonly iou?: number;
  /** Most boxes kept. Default 1000. */
  readonly maxDetections?: number;
  /** NMS across classes instead of per class. Default false. */
  readonly agnostic?: boolean;
  /** Size of the network's input `[h, w]`, or one number for both: the picture is letterboxed into it. Default 640, or the model's fixed size. */
  readonly imageSize?: number | readonly [height: number, width: number];
  readonly signal?: AbortSignal;
}

/** Options of a detection by itself. */
export interface DetectAloneOptions extends DetectOptions {
  /**
   * What will be asked about the picture next. With `keepForward` the forward pass of this detection keeps what that takes, so that the answer
   * costs what comes after it only.
   */
  readonly ahead?: ExplainOptions;
}

/** Options of an explanation. Every default is the one of the `whybox explain` command. */
export interface ExplainOptions extends DetectOptions {
  /** Id or alias of a CAM method. Default "GradCAM", and "tap-fusion" with `per: "detection"` or a `box`. */
  readonly method?: string;
  /** Layers whose maps are averaged (or fused), or "auto": each detection at the layers that suit its level and the method. Default "auto". */
  readonly layer?: "auto" | LayerSelector | readonly LayerSelector[];
  /** Only detections of these classes; empty means all. */
  readonly classNames?: readonly string[];
  /**
   * Only these detections, by their `index` among those that the same detection options give. Where nothing is detected the result is empty,
   * as without it. Default: all.
   */
  readonly detections?: readonly number[];
  /** What is differentiated; several are averaged. Ids as in `defaultScores`. Default (and when empty) what the method says, mostly ["class"]. */
  readonly backprop?: readonly string[];
  /** One pass per class (unique classes), averaged. Default false. */
  readonly backwardPerClass?: boolean;
  /** Prediction rows per detection that carry the score. Default 10. */
  readonly topk?: number;
  /**
   * One map for the image, or one for each class or detection, in `maps`; the heatmap of the image is then their largest value at each
   * pixel. Default "image".
   */
  readonly per?: "image" | "class" | "detection";
  /** With `per`: each map in pixels of the picture, or in the pixels of the network's input besides (`heatmapInput`). Default "image". */
  readonly frames?: "image" | "both";
  /** With `per`: each map to its own maximum, or all to the largest of all, so that they can be compared. Default "each". */
  readonly scale?: "each" | "common";
  /** Why this class and not that one: the score is the difference of the two classes' logits. A class name or index. */
  readonly versus?: string;
  /** A box that was, or was not, detected, in image pixels: what speaks for an object of class `className` there? Detections are then not explained. */
  readonly box?: AskedBox;
  /** The first principal component of the channels' contributions instead of their sum: less noise. Default false. */
  readonly eigenSmooth?: boolean;
  /** The mean over six views: the picture and its mirror image, each at 0.9, 1 and 1.1 of its brightness. Default false. */
  readonly augSmooth?: boolean;
  /** Only the hottest pixels of the map, in percent of all; the others become 0. Default 100. */
  readonly keepTopPercent?: number;
  /** The numbers of pytorch-grad-cam (or of the paper) for methods that differ by default; refused by the others. Default false. */
  readonly compat?: boolean;
  /** Seed of methods that draw random numbers; any but 0 is refused by the others. Default 0. */
  readonly seed?: number;
  /** Masks, noise samples, steps or concepts of methods that take a number of them; refused by the others. Default: the method's own. */
  readonly samples?: number;
  /** What a channel becomes when it is taken away, for methods that do so (AblationCAM): zero, or its own mean over the cells. Default "zero". */
  readonly ablateTo?: "zero" | "mean";
}

/** A box drawn by a person: corners in image pixels, and the class that it is asked about. */
export interface AskedBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly className: string;
}
