import type { RowKind } from "@whybox/report";

/** Left, top, right, bottom in pixels. */
export type Corners = readonly [x1: number, y1: number, x2: number, y2: number];

export interface TruthObject {
  readonly class: number;
  readonly box: Corners;
  /** True for a crowd of objects. Detections inside are neither right nor wrong, and a crowd is never missed. */
  readonly crowd: boolean;
}

export interface Judgement {
  readonly kind: RowKind;
  readonly iou: number;
  /** The object that the kind refers to. */
  readonly object?: TruthObject;
}

export interface Judged {
  /** One judgement for each detection. `iou` is the IoU with `object`, or 0 without an object. */
  readonly detections: readonly Judgement[];
  /** Objects without a detection, with the nearest detection of any class (−1 if none overlaps). */
  readonly missed: readonly { readonly object: TruthObject; readonly nearest: number; readonly iou: number }[];
}

const FOUND = 0.5;
const NEAR = 0.1;

/** Compares an image's detections with its ground truth, as COCO's evaluation does. In the order of their scores, each detection takes the
 * free object of its class with the highest IoU, if that is at least 0.5. The other detections are classified as in TIDE (Bolya et al.,
 * "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020, section 2.2). One rule differs: an object without a
 * detection is always missed, even if a wrong detection is near it.
 * @param detections highest score first.
 */
export function judge(
  detections: readonly { readonly class: number; readonly box: Corners }[],
  objects: readonly TruthObject[],
): Judged {
  const taken = new Set<TruthObject>();
  const single = objects.filter(({ crowd }) => !crowd);
  const crowds = objects.filter(({ crowd }) => crowd);
  const judged = detections.map((detection): Judgement => {
    const free = single.filter((object) => object.class === detection.class && !taken.has(object));
    const hit = best(detection.box, free);
    if (hit.iou >= FOUND) {
      taken.add(hit.object!);
      return { kind: "hit", ...hit };
    }
    const inCrowd = crowds.some((crowd) => crowd.class === detection.class && share(detection.box, crowd.box) >= FOUND);
    return inCrowd ? { kind: "detection", iou: 0 } : falseAlarm(detection, single);
  });
  const missed = single.filter((object) => !taken.has(object)).map((object) => ({ object, ...nearestTo(object) }));
  return { detections: judged, missed };

  function nearestTo({ box }: TruthObject) {
    const overlaps = detections.map((detection) => iouOf(detection.box, box));
    const iou = Math.max(0, ...overlaps);
    return { nearest: iou > 0 ? overlaps.indexOf(iou) : -1, iou };
  }
}

function falseAlarm(
  detection: { readonly class: number; readonly box: Corners },
  objects: readonly TruthObject[],
): Judgement {
  const bestOf = (isSame: boolean) =>
    best(
      detection.box,
      objects.filter((object) => (object.class === detection.class) === isSame),
    );
  const [same, other] = [bestOf(true), bestOf(false)];
  if (same.iou >= FOUND) return { kind: "duplicate", ...same };
  if (other.iou >= FOUND) return { kind: "class", ...other };
  if (same.iou >= NEAR) return { kind: "place", ...same };
  if (other.iou >= NEAR) return { kind: "both", ...other };
  return { kind: "background", iou: Math.max(same.iou, other.iou) };
}

function best(box: Corners, objects: readonly TruthObject[]): { readonly object?: TruthObject; readonly iou: number } {
  let found: { object?: TruthObject; iou: number } = { iou: 0 };
  for (const object of objects) {
    const iou = iouOf(box, object.box);
    if (iou > found.iou) found = { object, iou };
  }
  return found;
}

export function iouOf(a: Corners, b: Corners): number {
  const both = intersection(a, b);
  const all = areaOf(a) + areaOf(b) - both;
  return all > 0 ? both / all : 0;
}

/** Share of the first box inside the second. */
function share(a: Corners, b: Corners): number {
  return areaOf(a) > 0 ? intersection(a, b) / areaOf(a) : 0;
}

function intersection(a: Corners, b: Corners): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return Math.max(0, width) * Math.max(0, height);
}

function areaOf([x1, y1, x2, y2]: Corners): number {
  return Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
}
