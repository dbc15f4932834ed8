import { rowOf } from "../../boxes/row-of.js";
import { detectionOfRow } from "../../detector/detect.js";
import type { Detection, Predictions } from "../../detector/detection.js";
import { resolveClasses } from "../../detector/names.js";
import { boxIou } from "../../detector/nms.js";
import { WhyboxError } from "../../errors.js";
import { shown } from "../../foreign-text.js";
import type { Box, Letterbox } from "../../image/frame.js";
import { toInput } from "../../image/frame-map.js";
import { CLASS_COLUMN, OBJECTNESS_COLUMN } from "../../scores/columns.js";
import { iouOfRow, nearestRows } from "../../scores/iou.js";
import { bestClass } from "../../scores/weighted.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { AskedBox } from "../options/options.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import { sceneOf } from "../passes/forward-pass.js";
import type { AskedAnswer } from "../result/result.js";
import { ASKED, type Scene } from "./detection-score.js";

/** Minimum IoU for a detection to count as the object in the box. */
const SAME_OBJECT = 0.5;

/** A box drawn by a person, and the image that it belongs to. */
export interface BoxQuestion {
  readonly scene: Scene;
  readonly detections: readonly Detection[];
  readonly asked: AskedBox;
  readonly options: ResolvedExplainOptions;
}

/**
 * Finds the row near a drawn box that supports the class most: the largest objectness × class probability × IoU of the `topk` nearest rows.
 * Returns it as a target that can be explained like a detection, and the answer whether and why the box was detected.
 * @throws usage for a box without area, a box outside the image, or an unknown class.
 */
export function askBox(loaded: LoadedModel, question: BoxQuestion): { target: Detection; answer: AskedAnswer } {
  const { scene, detections, asked, options } = question;
  const { predictions, letterbox } = scene;
  const boxImage = checkedBox(asked, letterbox);
  const boxInput = toInput(boxImage, letterbox);
  const classIndex = resolveClasses([asked.className], loaded.classNames)[0]!;
  const row = strongestRow(predictions, { box: boxInput, classIndex, topk: options.topk });
  const target = detectionOfRow(sceneOf(loaded, scene), { row, classIndex, index: ASKED, boxImage, boxInput });
  const best = bestClass(predictions, row);
  const found = detections.find(
    (one) => one.classIndex === classIndex && boxIou(one.boxInput, boxInput) >= SAME_OBJECT,
  );
  const answer = {
    boxImage,
    boxInput,
    className: target.className,
    row,
    levelName: target.levelName,
    iou: iouOfRow(predictions, row, boxInput),
    objectness: target.objectness,
    classProbability: target.classProbability,
    confidence: target.confidence,
    bestClassName: loaded.classNames[best]!,
    bestClassProbability: rowOf(predictions, row)[CLASS_COLUMN + best]!,
    detection: found?.index,
  };
  return { target, answer: { ...answer, verdict: verdictOf(answer, detections, options) } };
}

/** The row with the largest objectness × class probability × IoU of the `topk` rows nearest to a box. */
export function strongestRow(
  predictions: Predictions,
  { box, classIndex, topk }: { readonly box: Box<"input">; readonly classIndex: number; readonly topk: number },
): number {
  const weight = (row: number): number => {
    const values = rowOf(predictions, row);
    const share = values[OBJECTNESS_COLUMN]! * values[CLASS_COLUMN + classIndex]!;
    return share * (1e-6 + iouOfRow(predictions, row, box));
  };
  const rows = nearestRows(predictions, box, topk);
  return rows.reduce((best, row) => (weight(row) > weight(best) ? row : best), rows[0] ?? 0);
}

function checkedBox({ x1, y1, x2, y2 }: AskedBox, { imageSize: [H, W] }: Letterbox): Box<"image"> {
  const inside = x2 > x1 && y2 > y1 && x1 < W && y1 < H && x2 > 0 && y2 > 0;
  if (!inside) {
    throw new WhyboxError(
      "usage",
      `box is [${x1}, ${y1}, ${x2}, ${y2}]. Expected left, top, right, bottom in pixels of the image (${W}×${H}), with left < right and top < bottom.`,
      { details: { box: [x1, y1, x2, y2], imageSize: [H, W] } },
    );
  }
  return { frame: "image", x1: Math.max(x1, 0), y1: Math.max(y1, 0), x2: Math.min(x2, W), y2: Math.min(y2, H) };
}

function verdictOf(
  answer: Omit<AskedAnswer, "verdict">,
  detections: readonly Detection[],
  { confidence }: ResolvedExplainOptions,
): string {
  const { detection } = answer;
  const [className, bestClassName] = [shown(answer.className), shown(answer.bestClassName)];
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const numbers = `objectness ${percent(answer.objectness)} × ${className} ${percent(answer.classProbability)} = ${percent(answer.confidence)}`;
  if (detection !== undefined)
    return `It was detected: detection ${detection}. The row that supports it most has ${numbers}.`;
  const rival = detections.find((one) => boxIou(one.boxInput, answer.boxInput) >= SAME_OBJECT);
  if (answer.confidence > confidence) {
    const stronger = rival ?? detections.find((one) => boxIou(one.boxInput, answer.boxInput) > 0);
    const why =
      stronger === undefined
        ? "the box of that row is elsewhere"
        : `detection ${stronger.index} (${shown(stronger.className)}) overlaps it`;
    return `Not detected, although a row near it is confident enough (${numbers}): ${why}.`;
  }
  const threshold = `below the minimum confidence of ${percent(confidence)}`;
  if (answer.bestClassName !== answer.className && answer.bestClassProbability > answer.classProbability) {
    const other = `the network classifies it as ${bestClassName} (${percent(answer.bestClassProbability)})`;
    const seen =
      rival === undefined ? "" : `, and detected a ${shown(rival.className)} there (detection ${rival.index})`;
    return `Not detected: ${numbers}, ${threshold}; ${other}${seen}.`;
  }
  const weak =
    answer.objectness < answer.classProbability ? "the objectness is low" : `the probability of ${className} is low`;
  return `Not detected: ${numbers}, ${threshold}; mainly because ${weak}.`;
}
