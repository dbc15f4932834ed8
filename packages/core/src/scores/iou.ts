import { BOX_COLUMNS } from "../boxes/box-columns.js";
import { hullSides } from "../boxes/rotated-box.js";
import type { Predictions } from "../detector/detection.js";
import type { Box } from "../image/frame.js";
import { extraStart } from "./columns.js";
import type { PredictionView } from "./score.js";
import type { Scalar, Tape } from "./tape.js";

/** Keeps the quotient finite for boxes without area. The same value as in `box_iou` of YOLOv5 v7.0. */
const EPSILON = 1e-7;

/**
 * IoU of a fixed box with the box of row `row`, on the tape: inter / (areaBox + areaRow − inter + 1e-7), continuous
 * coordinates in input pixels. The gradient flows into the row's x, y, w, h, not into the box. For a rotated box, the axis-aligned rectangle around it is used,
 * and the gradient also flows into its angle.
 */
export function iouOnTape(view: PredictionView, box: Box<"input">, row: number): Scalar {
  const { tape } = view;
  const [width, height] = sidesOnTape(view, row);
  const [left, right] = edges(view, view.at(row, 0), width);
  const [top, bottom] = edges(view, view.at(row, 1), height);
  const overlap = (low: Scalar, high: Scalar, boxLow: number, boxHigh: number): Scalar =>
    tape.clampMin(tape.sub(tape.min(tape.constant(boxHigh), high), tape.max(tape.constant(boxLow), low)), 0);
  const inter = tape.mul(overlap(left, right, box.x1, box.x2), overlap(top, bottom, box.y1, box.y2));
  const areaRow = tape.mul(tape.sub(right, left), tape.sub(bottom, top));
  const areaBox = tape.constant((box.x2 - box.x1) * (box.y2 - box.y1));
  const union = tape.add(tape.sub(tape.add(areaBox, areaRow), inter), tape.constant(EPSILON));
  return tape.div(inter, union);
}

/** Width and height of a row's box. For a rotated box: those of the axis-aligned rectangle around it (`hullSides`). */
export function sidesOnTape(view: PredictionView, row: number): readonly [width: Scalar, height: Scalar] {
  const { tape, predictions } = view;
  const [width, height] = [view.at(row, 2), view.at(row, 3)];
  if (predictions.extra?.task !== "obb") return [width, height];
  const angle = view.at(row, extraStart(predictions));
  const [cos, sin] = [positive(tape, tape.cos(angle)), positive(tape, tape.sin(angle))];
  return [
    tape.float32(tape.add(tape.mul(width, cos), tape.mul(height, sin))),
    tape.float32(tape.add(tape.mul(width, sin), tape.mul(height, cos))),
  ];
}

function positive(tape: Tape, value: Scalar): Scalar {
  return value.value < 0 ? tape.mul(tape.constant(-1), value) : value;
}

/**
 * Low and high edge of a row's box along one axis: centre ∓ size / 2, in float32 as the detector computes its boxes.
 * The target's own row therefore has exactly the edges of the box, and max and min see exact ties.
 */
function edges({ tape }: PredictionView, centre: Scalar, size: Scalar): [Scalar, Scalar] {
  const half = tape.div(size, tape.constant(2));
  return [tape.float32(tape.sub(centre, half)), tape.float32(tape.add(centre, half))];
}

/** x, y, w, h, objectness of each row. For rotated boxes: those of the axis-aligned rectangles around them. */
export function boxTable(predictions: Predictions): Float32Array {
  const boxes = new Float32Array(BOX_COLUMNS * predictions.rows);
  fillBoxTable(boxes, predictions, 0, predictions.rows);
  return boxes;
}

/** Rows `start` to `end` of the table of boxes. */
export function fillBoxTable(boxes: Float32Array, predictions: Predictions, start: number, end: number): void {
  const { data, columns, extra } = predictions;
  const angle = extra?.task === "obb" ? extraStart(predictions) : undefined;
  for (let row = start, to = BOX_COLUMNS * start, from = start * columns; row < end; row++) {
    boxes[to] = data[from]!;
    boxes[to + 1] = data[from + 1]!;
    boxes[to + 2] = data[from + 2]!;
    boxes[to + 3] = data[from + 3]!;
    boxes[to + 4] = data[from + 4]!;
    if (angle !== undefined) boxes.set(hullSides(data[from + 2]!, data[from + 3]!, data[from + angle]!), to + 2);
    to += BOX_COLUMNS;
    from += columns;
  }
}

/** Adds the table of boxes to the predictions. The search for nearest rows needs it for rotated boxes. */
export function withBoxTable(predictions: Predictions): Predictions {
  const isRotated = predictions.extra?.task === "obb";
  return isRotated && predictions.boxes === undefined ? { ...predictions, boxes: boxTable(predictions) } : predictions;
}

/** The same IoU without a tape, to search all rows. Rotated boxes need their table (`withBoxTable`). */
export function iouOfRow(predictions: Predictions, row: number, box: Box<"input">): number {
  const data = predictions.boxes ?? predictions.data;
  const base = row * (predictions.boxes ? BOX_COLUMNS : predictions.columns);
  const halfWidth = data[base + 2]! / 2;
  const halfHeight = data[base + 3]! / 2;
  const left = Math.fround(data[base]! - halfWidth);
  const right = Math.fround(data[base]! + halfWidth);
  const top = Math.fround(data[base + 1]! - halfHeight);
  const bottom = Math.fround(data[base + 1]! + halfHeight);
  const width = Math.max(0, Math.min(box.x2, right) - Math.max(box.x1, left));
  const height = Math.max(0, Math.min(box.y2, bottom) - Math.max(box.y1, top));
  const inter = width * height;
  const areaRow = (right - left) * (bottom - top);
  return inter / ((box.x2 - box.x1) * (box.y2 - box.y1) + areaRow - inter + EPSILON);
}

/** Returns true if the boxes are at least a pixel apart, so that the IoU is 0. Cheaper than the IoU, and true for almost all rows. */
export function isFar(predictions: Predictions, row: number, box: Box<"input">): boolean {
  const data = predictions.boxes ?? predictions.data;
  const base = row * (predictions.boxes ? BOX_COLUMNS : predictions.columns);
  const apartX = Math.abs(2 * data[base]! - box.x1 - box.x2) - data[base + 2]! - (box.x2 - box.x1);
  const apartY = Math.abs(2 * data[base + 1]! - box.y1 - box.y2) - data[base + 3]! - (box.y2 - box.y1);
  return apartX > 2 || apartY > 2;
}

/** An upper bound of the relative error when an edge is rounded to float32. */
const ROUNDING = 2 ** -21;

/**
 * Returns the last row up to `row` whose IoU with the box may be above `least`, or −1. It skips rows that are far from the box (`isFar`), and rows that
 * are so small or so large that the IoU would be lower even with one box inside the other. This is the only loop over all rows.
 */
function lastNear(predictions: Predictions, row: number, box: Box<"input">, least: number): number {
  const data = predictions.boxes ?? predictions.data;
  const stride = predictions.boxes ? BOX_COLUMNS : predictions.columns;
  const middleX = box.x1 + box.x2;
  const middleY = box.y1 + box.y2;
  const farX = box.x2 - box.x1 + 2;
  const farY = box.y2 - box.y1 + 2;
  const area = (box.x2 - box.x1) * (box.y2 - box.y1);
  const smallest = least * area;
  const largest = area / least;
  const rounding = ROUNDING * (Math.abs(box.x1) + Math.abs(box.x2) + Math.abs(box.y1) + Math.abs(box.y2) + 4);
  let at = row;
  for (let base = at * stride; at >= 0; at--, base -= stride) {
    const width = data[base + 2]!;
    if (Math.abs(2 * data[base]! - middleX) - width > farX) continue;
    const height = data[base + 3]!;
    if (Math.abs(2 * data[base + 1]! - middleY) - height > farY) continue;
    const slackX = rounding + ROUNDING * width;
    const slackY = rounding + ROUNDING * height;
    if ((width + slackX) * (height + slackY) < smallest) continue;
    if (width > slackX && height > slackY && (width - slackX) * (height - slackY) > largest) continue;
    break;
  }
  return at;
}

/** Up to `count` rows in descending order of their IoU. */
interface NearList {
  readonly rows: number[];
  readonly ious: number[];
  readonly count: number;
}

/** Inserts a row before the rows whose IoU is not higher, if the list has a place for it. */
function insertRow({ rows, ious, count }: NearList, row: number, iou: number): void {
  if (rows.length === count && iou < ious[count - 1]!) return;
  // The last row of a full list is overwritten.
  let at = Math.min(rows.length, count - 1);
  for (; at > 0 && ious[at - 1]! <= iou; at--) {
    rows[at] = rows[at - 1]!;
    ious[at] = ious[at - 1]!;
  }
  rows[at] = row;
  ious[at] = iou;
}

/** Returns those of `candidates`, in ascending order, that `nearestRows` returns if no other row overlaps with the box as much. */
export function nearestAmong(
  predictions: Predictions,
  candidates: readonly number[],
  box: Box<"input">,
  count: number,
): number[] {
  const list: NearList = { rows: [], ious: [], count };
  for (let i = candidates.length - 1; i >= 0; i--) {
    const iou = iouOfRow(predictions, candidates[i]!, box);
    if (iou > 0 && iou < Number.POSITIVE_INFINITY) insertRow(list, candidates[i]!, iou);
  }
  return list.rows;
}

/**
 * Returns the `count` rows with the highest IoU, in descending order. Equal rows are in ascending order of their index. Rows in `without` are skipped,
 * and so are rows whose IoU is not finite (NaN or infinite predictions). One pass over the rows keeps a short sorted list. It runs from the last row to
 * the first, because large boxes come last: when they are in the list, most small boxes are skipped quickly.
 */
export function nearestRows(
  predictions: Predictions,
  box: Box<"input">,
  count: number,
  without: (row: number) => boolean = () => false,
): number[] {
  const rows: number[] = [];
  const ious: number[] = [];
  const last = (row: number) => lastNear(predictions, row, box, rows.length === count ? ious[count - 1]! : 0);
  for (let row = last(predictions.rows - 1); row >= 0; row = last(row - 1)) {
    const iou = iouOfRow(predictions, row, box);
    if (!(iou > 0 && iou < Number.POSITIVE_INFINITY) || without(row)) continue;
    insertRow({ rows, ious, count }, row, iou);
  }
  for (let row = 0; row < predictions.rows && rows.length < count; row++) {
    if (iouOfRow(predictions, row, box) === 0 && !without(row)) rows.push(row);
  }
  return rows;
}
