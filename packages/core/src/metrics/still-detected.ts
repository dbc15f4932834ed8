import type { MetricBox } from "./metric.js";

/** A box with its class and confidence. */
export interface ScoredBox {
  readonly box: MetricBox;
  readonly classIndex: number;
  /** 0..1. */
  readonly confidence: number;
}

/**
 * Returns how well a changed image still shows a detection: the highest confidence of the boxes of its class whose IoU with it is above 0.5, or
 * 0 if there is none. Pass the boxes before NMS as `found`. Deletion and insertion divide the result by the value of the original image.
 *
 * Zhao and Chan, "ODAM: Gradient-based Instance-specific Visual Explanations for Object Detection", ICLR 2023.
 */
export function stillDetected(target: Pick<ScoredBox, "box" | "classIndex">, found: readonly ScoredBox[]): number {
  let best = 0;
  for (const { box, classIndex, confidence } of found) {
    if (classIndex === target.classIndex && confidence > best && iou(box, target.box) > 0.5) best = confidence;
  }
  return best;
}

function iou(a: MetricBox, b: MetricBox): number {
  const width = Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1));
  const height = Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
  const union = areaOf(a) + areaOf(b) - width * height;
  return union > 0 ? (width * height) / union : 0;
}

function areaOf({ x1, y1, x2, y2 }: MetricBox): number {
  return (x2 - x1) * (y2 - y1);
}
