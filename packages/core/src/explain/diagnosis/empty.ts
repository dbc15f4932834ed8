import type { Detection } from "../../detector/detection.js";
import type { DetectorTask } from "../../detector/head.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import type { EmptyReason, LayerDiagnosis } from "../result/result.js";
import type { DetectionScore } from "../targets/detection-score.js";
import { originText, type Trouble } from "./trouble.js";

/** The data that an empty heatmap is diagnosed from. */
export interface EmptySources {
  readonly task: DetectorTask;
  readonly options: ResolvedExplainOptions;
  readonly detections: readonly Detection[];
  readonly explained: readonly Detection[];
  readonly entries: readonly DetectionScore[];
  readonly layers: readonly LayerDiagnosis[];
  readonly trouble: Trouble;
  readonly isEmpty: boolean;
}

/** Why the heatmap is all zeros. Undefined if it is not. */
export function diagnoseEmpty(
  sources: EmptySources,
): { readonly reason: EmptyReason; readonly message: string } | undefined {
  const { options, detections, explained, entries, layers, trouble } = sources;
  if (!sources.isEmpty) return undefined;
  if (trouble.predictions) {
    const message = `The model's predictions are not all finite numbers: ${originText(trouble.origin)}`;
    return { reason: "non-finite", message };
  }
  if (trouble.layers.size > 0) {
    return {
      reason: "non-finite",
      message: layers.flatMap((layer) => layer.message ?? []).join(" ") || originText(trouble.origin),
    };
  }
  if (explained.length === 0 && detections.length === 0) {
    const message =
      sources.task === "classify"
        ? `No class has a probability above ${options.confidence}. Lower the confidence.`
        : `Nothing was detected at confidence ${options.confidence}. Lower the confidence, or use a larger image size.`;
    return { reason: "no-detection", message };
  }
  if (explained.length === 0) {
    const found = [...new Set(detections.map((detection) => detection.className))].join(", ");
    const message = `No ${options.classNames.join(", no ")} was detected; found: ${found}.`;
    return { reason: "class-not-detected", message };
  }
  if (entries.every((entry) => entry.result.terms[0] === null)) {
    const message =
      options.scores.find((score) => score.absent !== undefined)?.absent ??
      `None of the ${options.topk} prediction rows nearest to the boxes has their class, so there is no score to explain. Increase topk.`;
    return { reason: "no-score", message };
  }
  if (contrastsWithItself(explained, options)) {
    const { className } = explained[0]!;
    const message = `versus is ${className}, which is also the class that is explained. The contrast of a class with itself is zero everywhere. Use another class.`;
    return { reason: "same-class", message };
  }
  const reasons = layers.flatMap((layer) => layer.message ?? []);
  const message =
    reasons.length > 0
      ? reasons.join(" ")
      : "The map has no positive value at these layers: nothing there supports the score. Try another layer or method.";
  return { reason: "zero-gradient", message };
}

function contrastsWithItself(explained: readonly Detection[], { scores, versus }: ResolvedExplainOptions): boolean {
  return scores.every(({ id }) => id === "contrast") && explained.every(({ classIndex }) => classIndex === versus);
}
