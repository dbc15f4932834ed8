import { type DrawingOptions, drawingOptions, type ExplainOptions, explainOptions, type Filled } from "@whybox/core";
import { type FileOptions, fileOptions } from "../file-options.js";
import { type ImageSettings, imageOptions, imageSettings } from "../images/settings.js";
import { type InputFlags, inputFlags, inputOf } from "./input-flags.js";

const { measure: measureRow, ...sharedOptions } = imageOptions;
const { libraryOnly: _, ...ofCommand } = measureRow;
const measure = {
  ...ofCommand,
  what: "measure how faithful each map is, beside a Gaussian at the box and a random map; about 70 forward passes per map",
} as const;

/** Options for images, shared by all commands that explain. */
export interface ImageFlags extends Omit<ExplainOptions, "measure">, FileOptions, DrawingOptions, InputFlags {
  readonly perDetection?: boolean;
  readonly quiet?: boolean;
}

export interface ExplainFlags extends ImageFlags {
  /** Class name of `box`. */
  readonly class?: string;
  readonly vidStride?: number;
  readonly maxFrames?: number;
  readonly measure?: boolean;
  readonly requireDetections?: boolean;
  readonly show?: boolean;
  readonly json?: boolean;
}

/** Options shared by `whybox explain`, `whybox run` and `whybox shard plan`. */
export const imageFlags = {
  ...{ weights: fileOptions.weights, names: fileOptions.names, anchors: fileOptions.anchors },
  ...sharedOptions,
  method: {
    ...explainOptions.method,
    otherwise: "tap-fusion; GradCAM with --per image, --per class, --eigen-smooth or --scale common",
  },
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

/** Options for the frames of videos and streams. */
export const frameFlags = {
  vidStride: {
    what: "read every n-th frame of videos and streams",
    kind: "number",
    min: 1,
    max: 1_000_000,
    whole: true,
    default: 1,
    group: "Sources",
  },
  maxFrames: {
    what: "maximum number of frames of a video or stream",
    kind: "number",
    min: 1,
    max: 2 ** 31 - 1,
    whole: true,
    otherwise: "all",
    group: "Sources",
  },
} as const;

export const explainFlags = {
  ...frameFlags,
  maxFrames: { ...frameFlags.maxFrames, otherwise: "all; 100 of a stream or camera" },
  ...imageFlags,
  class: {
    what: "class to explain in --box",
    kind: "text",
    expected: "a class name",
    group: "What is explained",
    shown: "name",
  },
  measure,
  requireDetections: {
    what: "exit with code 5 when nothing is detected in an image",
    kind: "flag",
    default: false,
    group: "Detection",
  },
  show: {
    what: "open the result with the program of the system",
    kind: "flag",
    default: false,
    group: "Output",
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
export function toSettings(
  values: ImageValues & Pick<ExplainFlags, "measure">,
  typed: readonly string[],
): ImageSettings {
  return imageSettings({ ...values, per: perOf(values, typed), input: inputOf(values) });
}
