import type { RotatedBox } from "../boxes/rotated-box.js";
import type { Box } from "../image/frame.js";
import { probabilisticIou } from "./tasks/rotated.js";

/** A box with a confidence above the threshold. */
export interface Candidate {
  readonly row: number;
  readonly classIndex: number;
  readonly confidence: number;
  readonly box: Box<"input">;
  /** The rotated box. `box` is then the axis-aligned rectangle around it. */
  readonly rotated?: RotatedBox;
}

export interface NmsOptions {
  /** IoU threshold. A box is dropped when its IoU with a stronger kept box is larger. */
  readonly iou: number;
  readonly maxDetections: number;
  /** Whether boxes of different classes suppress each other. */
  readonly agnostic: boolean;
}

/** Maximum number of candidates, as YOLOv5's `max_nms`. The weakest candidates are dropped. */
const MAX_CANDIDATES = 30_000;

/**
 * Greedy non-maximum suppression (torchvision's `nms`): highest confidence first, drops boxes whose IoU with a kept box is larger than `iou`.
 * Equal confidences keep their order. Cost: candidates × kept boxes. For rotated boxes see `suppressRotated`.
 */
export function nonMaximumSuppression(candidates: readonly Candidate[], options: NmsOptions): Candidate[] {
  const sorted = [...candidates].sort((a, b) => b.confidence - a.confidence).slice(0, MAX_CANDIDATES);
  if (sorted[0]?.rotated !== undefined) return suppressRotated(sorted, options);
  const kept: Candidate[] = [];
  for (const candidate of sorted) {
    if (kept.length >= options.maxDetections) break;
    if (!kept.some((strong) => competes(strong, candidate, options))) kept.push(candidate);
  }
  return kept;
}

/**
 * Fast NMS by probabilistic IoU, as in Ultralytics for rotated boxes. A box is dropped when any stronger box overlaps it, kept or not.
 * Bolya et al., "YOLACT: Real-time Instance Segmentation" (2019), section 4.3.
 * @param sorted candidates, highest confidence first.
 */
function suppressRotated(sorted: readonly Candidate[], { iou, agnostic, maxDetections }: NmsOptions): Candidate[] {
  const overlaps = (strong: Candidate, weak: Candidate): boolean =>
    (agnostic || strong.classIndex === weak.classIndex) && probabilisticIou(strong.rotated!, weak.rotated!) > iou;
  const kept: Candidate[] = [];
  for (const [i, weak] of sorted.entries()) {
    if (kept.length >= maxDetections) break;
    let stronger = 0;
    while (stronger < i && !overlaps(sorted[stronger]!, weak)) stronger++;
    if (stronger === i) kept.push(weak);
  }
  return kept;
}

function competes(strong: Candidate, weak: Candidate, { iou, agnostic }: NmsOptions): boolean {
  return (agnostic || strong.classIndex === weak.classIndex) && boxIou(strong.box, weak.box) > iou;
}

/** Intersection over union of two boxes in continuous coordinates; NaN when both have no area. */
export function boxIou(a: Box<"input">, b: Box<"input">): number {
  const width = Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1));
  const height = Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
  const inter = width * height;
  return inter / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - inter);
}
