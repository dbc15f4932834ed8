import { BOX_COLUMNS } from "../boxes/box-columns.js";
import { hullSides } from "../boxes/rotated-box.js";
import { rowOf } from "../boxes/row-of.js";
import { WhyboxError } from "../errors.js";
import type { Box, Letterbox, Size } from "../image/frame.js";
import { toImage } from "../image/frame-map.js";
import type { Detection, Predictions } from "./detection.js";
import type { DetectorHead } from "./head.js";
import { type Candidate, type NmsOptions, nonMaximumSuppression } from "./nms.js";
import { extrasOf, rotatedBoxOf } from "./tasks/extra.js";

/** The predictions of one image, with the head, class names and letterbox needed to read them. */
export interface PredictionScene {
  readonly predictions: Predictions;
  readonly head: DetectorHead;
  readonly classNames: readonly string[];
  readonly letterbox: Letterbox;
}

export interface DetectThresholds extends NmsOptions {
  /** Minimum confidence. Objectness and objectness × class probability must both be larger. */
  readonly confidence: number;
  /** Of a classifier: keep the most probable class even if it is below the minimum confidence. Default false. */
  readonly keepsBest?: boolean;
  /** Of a classifier: classes that are found in any case. Default: none. */
  readonly classes?: readonly number[];
}

/**
 * Selects detections from predictions, highest confidence first, like YOLOv5's `non_max_suppression` with the best class per row: objectness
 * above the threshold, then objectness × best class probability above the threshold, then NMS. Boxes are computed in float32, as in YOLOv5.
 * Rows with values that are not finite are dropped. Masks, keypoints and rotated boxes depend on `extra` of the predictions. Rotated boxes are
 * suppressed by their probabilistic IoU. For a classifier: the most probable classes.
 *
 * @throws unsupported-model when the shape of the predictions does not match the head.
 */
export function detect(scene: PredictionScene, options: DetectThresholds): Detection[] {
  const { predictions, head, letterbox } = scene;
  checkShape(predictions, head, letterbox.inputSize);
  const { nms } = head.selection;
  if (head.task === "classify") {
    return mostProbable(predictions, head, options).map((candidate, index) => toDetection(scene, candidate, index));
  }
  const candidates = candidatesOf(predictions, head, options.confidence);
  const kept = nms ? nonMaximumSuppression(candidates, options) : strongest(candidates, options.maxDetections);
  return kept.map((candidate, index) => toDetection(scene, candidate, index));
}

function checkShape({ rows, columns }: Predictions, head: DetectorHead, inputSize: Size): void {
  const expected = [head.rowCount(inputSize) ?? rows, 5 + head.classCount + head.extraCount] as const;
  if (rows === expected[0] && columns === expected[1]) return;
  throw new WhyboxError(
    "unsupported-model",
    `Output "${head.output}" has the shape [1, ${rows}, ${columns}] at input size ${inputSize.join("×")}. Its levels give ` +
      `[1, ${expected.join(", ")}]. Check that the image size is a multiple of the model's stride, or export the model again.`,
    { details: { output: head.output, found: [1, rows, columns], expected: [1, ...expected] } },
  );
}

/** The candidates with the highest confidence. An end-to-end model predicts one box per object and needs no NMS. */
function strongest(candidates: readonly Candidate[], max: number): Candidate[] {
  return [...candidates].sort((a, b) => b.confidence - a.confidence).slice(0, max);
}

/** The classes above the minimum confidence, at most `maxDetections`, and those that are found in any case. */
function mostProbable(
  predictions: Predictions,
  head: DetectorHead,
  { confidence, maxDetections, keepsBest = false, classes = [] }: DetectThresholds,
): Candidate[] {
  const best = candidateOf(predictions, head, 0);
  const all = everyClass(predictions, head, best, Number.NEGATIVE_INFINITY);
  if (all.length < head.classCount || !all.every(isFiniteBox)) return [];
  all.sort((a, b) => b.confidence - a.confidence);
  const isAbove = (candidate: Candidate, i: number) => candidate.confidence > confidence || (keepsBest && i === 0);
  const found = new Set(all.filter(isAbove).slice(0, maxDetections));
  return all.filter((candidate) => found.has(candidate) || classes.includes(candidate.classIndex));
}

function candidatesOf(predictions: Predictions, head: DetectorHead, threshold: number): Candidate[] {
  const { rows, boxes } = predictions;
  const data = boxes ?? predictions.data;
  const stride = boxes ? BOX_COLUMNS : predictions.columns;
  const candidates: Candidate[] = [];
  for (let row = 0; row < rows; row++) {
    // NaN fails this comparison and the next one.
    if (!(data[row * stride + 4]! > threshold)) continue;
    const best = candidateOf(predictions, head, row);
    if (!(best.confidence > threshold && isFiniteBox(best))) continue;
    if (head.selection.labels === "best") candidates.push(best);
    else candidates.push(...everyClass(predictions, head, best, threshold));
  }
  return candidates;
}

/** One candidate for each class of the row above the threshold. */
function everyClass(
  predictions: Predictions,
  { classCount }: DetectorHead,
  best: Candidate,
  threshold: number,
): Candidate[] {
  const values = rowOf(predictions, best.row);
  return Array.from({ length: classCount }, (_, k) => ({
    ...best,
    classIndex: k,
    confidence: Math.fround(values[5 + k]! * values[4]!),
  })).filter(({ confidence }) => confidence > threshold);
}

function candidateOf(predictions: Predictions, { classCount }: DetectorHead, row: number): Candidate {
  const values = rowOf(predictions, row);
  const objectness = values[4]!;
  let classIndex = 0;
  let confidence = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classCount; k++) {
    const product = Math.fround(values[5 + k]! * objectness);
    if (product > confidence) {
      classIndex = k;
      confidence = product;
    }
  }
  const rotated = rotatedBoxOf(predictions, row);
  const sides =
    rotated === undefined ? [values[2]!, values[3]!] : hullSides(rotated.width, rotated.height, rotated.angle);
  const box = boxAround(values[0]!, values[1]!, sides[0]!, sides[1]!);
  return { row, classIndex, confidence, box, ...(rotated === undefined ? {} : { rotated }) };
}

/** The box of a row, in float32 as the detector computes it. */
export function boxAround(x: number, y: number, width: number, height: number): Box<"input"> {
  return {
    frame: "input",
    x1: Math.fround(x - width / 2),
    y1: Math.fround(y - height / 2),
    x2: Math.fround(x + width / 2),
    y2: Math.fround(y + height / 2),
  };
}

function isFiniteBox({ box, confidence }: Candidate): boolean {
  return [box.x1, box.y1, box.x2, box.y2, confidence].every(Number.isFinite) && box.x2 >= box.x1 && box.y2 >= box.y1;
}

/** Clips a box to the input. As in YOLOv5 this happens after NMS, so scores use the box that is drawn. */
function clip(box: Box<"input">, [height, width]: Size): Box<"input"> {
  const within = (value: number, max: number) => Math.min(Math.max(value, 0), max);
  return {
    frame: "input",
    x1: within(box.x1, width),
    y1: within(box.y1, height),
    x2: within(box.x2, width),
    y2: within(box.y2, height),
  };
}

function toDetection(
  scene: PredictionScene,
  { row, classIndex, confidence, box }: Candidate,
  index: number,
): Detection {
  const { predictions, letterbox } = scene;
  const boxes = { boxImage: toImage(box, letterbox), boxInput: clip(box, letterbox.inputSize) };
  const detection = detectionOfRow(scene, { row, classIndex, index, ...boxes });
  return { ...detection, confidence, ...extrasOf(predictions, row, boxes.boxImage, letterbox) };
}

/** Creates a detection of one class from a row of the predictions, with the given boxes. */
export function detectionOfRow(
  { predictions, head, classNames, letterbox }: PredictionScene,
  given: Pick<Detection, "row" | "classIndex" | "index" | "boxImage" | "boxInput">,
): Detection {
  const { row, classIndex, index, boxImage, boxInput } = given;
  const values = rowOf(predictions, row);
  const centre = [values[0]!, values[1]!] as const;
  const origin = head.originOf(row, letterbox.inputSize, centre);
  const level = head.levels[origin.level]!;
  const objectness = values[4]!;
  const classProbability = values[5 + classIndex]!;
  return {
    index,
    classIndex,
    className: classNames[classIndex] ?? `class${classIndex}`,
    confidence: objectness * classProbability,
    objectness,
    classProbability,
    boxImage,
    boxInput,
    row,
    level: origin.level,
    levelName: level.name,
    stride: level.stride,
    anchor: origin.anchor,
    cell: origin.cell,
    ...(head.task === "classify" ? { isWholeImage: true } : {}),
  };
}
