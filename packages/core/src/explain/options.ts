import type { LayerSelector } from "../detector/layer.js";

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

/** Options of an explanation. Every default is the one of the `whybox explain` command. */
export interface ExplainOptions extends DetectOptions {
  /** Id or alias of a CAM method. Default "GradCAM". */
  readonly method?: string;
  /** Layers whose maps are averaged, or "auto": each detection at the head input of the level that found it. Default "auto". */
  readonly layer?: "auto" | LayerSelector | readonly LayerSelector[];
  /** Only detections of these classes; empty means all. */
  readonly classNames?: readonly string[];
  /** What is differentiated; several are averaged. Ids: class, confidence, class_confidence, x_c, y_c, w, h. Default (and when empty) ["class"]. */
  readonly backprop?: readonly string[];
  /** One pass per class (unique classes), averaged. Default false. */
  readonly backwardPerClass?: boolean;
  /** Prediction rows per detection that carry the score. Default 10. */
  readonly topk?: number;
}
