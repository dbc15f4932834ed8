import { type DrawingOptions, drawingOptions, type ExplainOptions, explainOptions, type Filled } from "@whybox/core";
import { type FileOptions, fileOptions } from "../file-options.js";
import { type ImageSettings, imageSettings } from "../images/settings.js";
import { type InputFlags, inputFlags, inputOf } from "./input-flags.js";

/** Options for images, shared by all commands that explain. */
export interface ImageFlags extends ExplainOptions, FileOptions, DrawingOptions, InputFlags {
  readonly perDetection?: boolean;
  readonly quiet?: boolean;
}

export interface ExplainFlags extends ImageFlags {
  /** Class name of `box`. */
  readonly class?: string;
  readonly requireDetections?: boolean;
  readonly json?: boolean;
}

/** Options shared by `whybox explain`, `whybox run` and `whybox shard plan`. */
export const imageFlags = {
  ...{ weights: fileOptions.weights, names: fileOptions.names, anchors: fileOptions.anchors },
  ...explainOptions,
  method: { ...explainOptions.method, otherwise: "tap-fusion, or GradCAM with --per image or class" },
  per: {
    ...explainOptions.per,
    what: "make one heatmap for each detection, for each class, or for the image; --box and --backward-per-class mean image",
    default: "detection",
  },
  perDetection: { what: "short for --per detection", kind: "flag", default: false, group: "What is explained" },
  ...inputFlags,
  ...fileOptions,
  ...drawingOptions,
  quiet: { what: "print errors only", kind: "flag", default: false, group: "Output" },
} as const;

export const explainFlags = {
  ...imageFlags,
  class: {
    what: "class to explain in --box",
    kind: "text",
    expected: "a class name",
    group: "What is explained",
    shown: "name",
  },
  requireDetections: {
    what: "exit with code 5 when nothing is detected in an image",
    kind: "flag",
    default: false,
    group: "Detection",
  },
  json: {
    what: "print the results as one JSON document, and nothing else",
    kind: "flag",
    default: false,
    group: "Output",
  },
} as const;

export type ImageValues = Filled<ImageFlags, typeof imageFlags>;
export type ExplainValues = Filled<ExplainFlags, typeof explainFlags>;

/** Combines `--per`, `--per-detection` and the options that mean one map. `typed` lists the names of the typed options. */
export function perOf(
  { per, perDetection, box, backwardPerClass }: ImageValues,
  typed: readonly string[],
): ImageValues["per"] {
  if (typed.includes("per")) return per;
  return !perDetection && (box !== undefined || backwardPerClass) ? "image" : "detection";
}

/** Converts the options of the command to settings. The options must not contradict each other. */
export function toSettings(values: ImageValues, typed: readonly string[]): ImageSettings {
  return imageSettings({ ...values, per: perOf(values, typed), input: inputOf(values) });
}
