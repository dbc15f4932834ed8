import { WhyboxError } from "../../errors.js";
import type { Size } from "../../image/frame.js";
import type { Fit } from "../../image/letterbox.js";
import type { Model } from "../../onnx/model.js";
import { IMAGENET } from "../family-preparation.js";
import type { DetectorHead } from "../head.js";
import type { PerChannel, Preprocessor } from "./preprocessor.js";

/**
 * Source of a fact about the input. "metadata": what the file says of its exporter. "preprocessor": a `preprocessor_config.json`. "family": the
 * way of the models that have such outputs, which is assumed. "default": assumed without any evidence.
 */
export type PreparationSource = "options" | "preprocessor" | "graph" | "metadata" | "family" | "default";

/** How an image is fitted and normalised. */
export interface Preparation {
  readonly fit: Fit;
  readonly fitFrom: PreparationSource;
  /** For a crop: the sides of the input as a share of those of the image that it is cut from. */
  readonly crop: number | undefined;
  /** Subtracted from each channel, in units of `range`; undefined if nothing is. */
  readonly mean: PerChannel | undefined;
  /** Each channel is divided by it, in units of `range`; undefined if it is not. */
  readonly std: PerChannel | undefined;
  readonly normalisationFrom: PreparationSource;
  /** Input size `[h, w]` for sides that the file does not fix, from a `preprocessor_config.json`; for a classifier also from the metadata, else 224×224. */
  readonly size: Size | undefined;
}

/** Options of the preparation. */
export interface PreparationOptions {
  /**
   * How the image becomes the input: scaled with grey around it, stretched, or cropped in the middle. Default: what the file or its
   * `preprocessor_config.json` tells, else "crop" for classifiers, "stretch" for recognised transformers, else "letterbox".
   */
  readonly fit?: Fit;
  /** For a crop: the share of the image's shorter side that is kept, above 0 and at most 1. Default 1; 0.875 for classifiers, except YOLO's. */
  readonly crop?: number;
  /** Subtracted from each channel, in units of the range and in the model's order of channels. Default: what is told or known, else nothing. */
  readonly mean?: PerChannel;
  /** Each channel is divided by it, in the same units. */
  readonly std?: PerChannel;
}

/** What is known about a model before its preparation is decided. */
export interface PreparationEvidence {
  readonly model: Model;
  readonly head: DetectorHead;
  /** Whether the image is the model's only input. Exports of RT-DETR's and D-FINE's authors also take the size of the image. */
  readonly isAlone: boolean;
  /** Whether the graph normalises its pixels, or takes integers. */
  readonly isInGraph: boolean;
  readonly range: 1 | 255;
  readonly preprocessor: Preprocessor | undefined;
}

/** What torchvision and timm keep of the shorter side of an image, and the usual size of a classifier's input. */
const CLASSIFIER = { crop: 0.875, size: [224, 224] } as const;
const ZEROS: PerChannel = [0, 0, 0];
const ONES: PerChannel = [1, 1, 1];

/** Determines how images are fitted and normalised: from the options, else the `preprocessor_config.json`, the graph, the metadata, and the family. */
export function preparationOf(evidence: PreparationEvidence, options: PreparationOptions): Preparation {
  const [fit, fitFrom] = fitOf(evidence, options);
  const crop = fit === "crop" ? (options.crop ?? evidence.preprocessor?.crop ?? usualCrop(fitFrom)) : undefined;
  const { mean, std, from } = normalisationOf(evidence, options);
  return {
    fit,
    fitFrom,
    crop,
    mean: mean.every((one) => one === 0) ? undefined : mean,
    std: std.every((one) => one === 1) ? undefined : std,
    normalisationFrom: from,
    size: evidence.preprocessor?.size ?? sizeOf(evidence),
  };
}

/** YOLO cuts a square of the whole shorter side; torchvision and timm keep less of it. */
function usualCrop(fitFrom: PreparationSource): number {
  return fitFrom === "family" ? CLASSIFIER.crop : 1;
}

/** The input size of a classifier: the metadata's `imgsz`, else the usual one. Undefined for detectors. */
function sizeOf({ model, head }: PreparationEvidence): Size | undefined {
  if (head.task !== "classify") return undefined;
  const sides = /^\[(\d{1,4}), (\d{1,4})\]$/
    .exec(model.metadata.get("imgsz")?.trim() ?? "")
    ?.slice(1)
    .map(Number);
  const isValid = sides?.every((side) => side > 0) === true;
  return isValid ? [sides![0]!, sides![1]!] : CLASSIFIER.size;
}

function fitOf(evidence: PreparationEvidence, { fit }: PreparationOptions): readonly [Fit, PreparationSource] {
  const { model, head, preprocessor } = evidence;
  if (fit !== undefined) return [fit, "options"];
  if (preprocessor?.fit !== undefined) return [preprocessor.fit, "preprocessor"];
  const isQuery = head.kind === "query";
  if (head.task === "classify") return ["crop", isUltralytics(model) || isYolov5(model) ? "metadata" : "family"];
  // Ultralytics stretches the images of RT-DETR, and letterboxes those of its other detectors.
  if (isUltralytics(model)) return [isQuery ? "stretch" : "letterbox", "metadata"];
  if (isQuery && (!evidence.isAlone || isRfDetr(evidence))) return ["stretch", "family"];
  if (head.preparation?.fit !== undefined) return [head.preparation.fit, "family"];
  return ["letterbox", "default"];
}

function normalisationOf(
  evidence: PreparationEvidence,
  options: PreparationOptions,
): { readonly mean: PerChannel; readonly std: PerChannel; readonly from: PreparationSource } {
  const { head, model, preprocessor, range } = evidence;
  if (options.mean !== undefined || options.std !== undefined) {
    return { mean: options.mean ?? ZEROS, std: options.std ?? ONES, from: "options" };
  }
  if (evidence.isInGraph) return { mean: ZEROS, std: ONES, from: "graph" };
  if (preprocessor?.mean !== undefined && preprocessor.std !== undefined) {
    const unit = range / (preprocessor.range ?? range);
    return { mean: times(preprocessor.mean, unit), std: times(preprocessor.std, unit), from: "preprocessor" };
  }
  if (isUltralytics(model)) return { mean: ZEROS, std: ONES, from: "metadata" };
  if (isRfDetr(evidence) || head.hasBackground === true || head.task === "classify") {
    const from = head.task === "classify" && isYolov5(model) ? "metadata" : "family";
    return { mean: times(IMAGENET.mean, range), std: times(IMAGENET.std, range), from };
  }
  const { mean = ZEROS, std = ONES, range: ownRange = 1 } = head.preparation ?? {};
  if (mean === ZEROS && std === ONES) return { mean, std, from: "default" };
  return { mean: times(mean, range / ownRange), std: times(std, range / ownRange), from: "family" };
}

function times([a, b, c]: PerChannel, factor: number): PerChannel {
  return [a * factor, b * factor, c * factor];
}

/** Whether the metadata is that of an Ultralytics export, or of a checkpoint of theirs. */
function isUltralytics({ metadata }: Model): boolean {
  return ["description", "author"].some((key) => /^ultralytics/i.test(metadata.get(key) ?? ""));
}

/** Whether the model is a checkpoint of YOLOv5, read by Whybox. Its classifiers are trained with ImageNet's mean. */
function isYolov5({ metadata }: Model): boolean {
  return /^models\.yolo\./.test(metadata.get("description") ?? "");
}

/** RF-DETR's exporter names the outputs "dets" and "labels", with a box and class scores for each query. */
function isRfDetr({ model, head }: PreparationEvidence): boolean {
  const names = model.graph.outputs.map(({ name }) => name);
  return head.kind === "query" && names.includes("dets") && names.includes("labels");
}

/** Checks the options of the preparation. @throws usage for an invalid value. */
export function checkPreparation({ fit, crop, mean, std }: PreparationOptions): void {
  const refuse = (option: string, value: unknown, expected: string): never => {
    throw new WhyboxError("usage", `The input's ${option} is ${JSON.stringify(value)}; expected ${expected}.`, {
      details: { option, value },
    });
  };
  if (fit !== undefined && !["letterbox", "stretch", "crop"].includes(fit)) {
    refuse("fit", fit, "letterbox, stretch or crop");
  }
  if (crop !== undefined && !(crop > 0 && crop <= 1)) refuse("crop", crop, "a number above 0 and at most 1");
  if (crop !== undefined && fit !== undefined && fit !== "crop") refuse("crop", crop, `none, because fit is "${fit}"`);
  for (const [option, values] of Object.entries({ mean, std })) {
    const isTriple = Array.isArray(values) && values.length === 3 && values.every((one) => Number.isFinite(one));
    if (values !== undefined && !isTriple) refuse(option, values, "three numbers");
  }
  if (std?.some((one) => one <= 0)) refuse("std", std, "numbers above 0");
}
