import {
  type DrawingOptions,
  drawingOptions,
  type ExplainOptions,
  explainOptions,
  type Filled,
  type InputOptions,
  type OptionTable,
} from "@whybox/core";
import { type FileOptions, fileOptions } from "../file-options.js";
import { type ImageSettings, imageSettings } from "../images/settings.js";

/** Options that describe the image that the model expects. */
interface InputFlags {
  readonly inputRange?: "1" | "255";
  readonly inputChannels?: "rgb" | "bgr";
  readonly padding?: "centre" | "end";
  readonly fit?: "letterbox" | "stretch" | "crop";
  readonly inputCrop?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

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

const inputFlags = {
  inputRange: {
    what: "largest pixel value of the model's input",
    kind: "choice",
    choices: ["1", "255"],
    otherwise: "taken from the model's graph, else 1",
    group: "Detection",
  },
  inputChannels: {
    what: "order of the colour channels in the model's input",
    kind: "choice",
    choices: ["rgb", "bgr"],
    otherwise: "taken from the model's graph, else rgb",
    group: "Detection",
  },
  padding: {
    what: "where the grey padding goes: around the image, or only at its right and bottom",
    kind: "choice",
    choices: ["centre", "end"],
    otherwise: "centre; end for YOLOX",
    group: "Detection",
  },
  fit: {
    what: "how an image becomes the model's input: scaled with grey around it, stretched, or cropped in the middle",
    kind: "choice",
    choices: ["letterbox", "stretch", "crop"],
    otherwise: "what the file tells, stretch for transformers known to be trained so, else letterbox",
    group: "Detection",
  },
  inputCrop: {
    what: "for --fit crop: share of the image's shorter side that is kept",
    kind: "number",
    min: 0,
    max: 1,
    aboveMin: true,
    otherwise: "what the file tells, else 1",
    group: "Detection",
  },
  mean: {
    what: "numbers that are subtracted from the three channels, in units of the input's range",
    kind: "list",
    of: { kind: "number", min: -1e4, max: 1e4 },
    filled: true,
    otherwise: "what the file tells, else nothing",
    group: "Detection",
    shown: "numbers...",
  },
  std: {
    what: "numbers that the three channels are divided by, in units of the input's range",
    kind: "list",
    of: { kind: "number", min: 0, max: 1e4, aboveMin: true },
    filled: true,
    otherwise: "what the file tells, else 1",
    group: "Detection",
    shown: "numbers...",
  },
} as const satisfies OptionTable<InputFlags>;

/** Options shared by `whybox explain`, `whybox run` and `whybox shard plan`. */
export const imageFlags = {
  ...{ weights: fileOptions.weights, names: fileOptions.names, anchors: fileOptions.anchors },
  ...explainOptions,
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

/** Combines `--per` and `--per-detection`. `typed` lists the names of the typed options. */
export function perOf({ per, perDetection }: ImageValues, typed: readonly string[]): ImageValues["per"] {
  return perDetection && !typed.includes("per") ? "detection" : per;
}

/** Converts the options of the command to settings. The options must not contradict each other. */
export function toSettings(values: ImageValues, typed: readonly string[]): ImageSettings {
  return imageSettings({ ...values, per: perOf(values, typed), input: inputOf(values) });
}

/** The options for the model's input; undefined when none is given. The library checks them. */
function inputOf({
  inputRange,
  inputChannels,
  padding,
  fit,
  inputCrop,
  mean,
  std,
}: ImageValues): InputOptions | undefined {
  const range = inputRange === undefined ? undefined : inputRange === "255" ? 255 : 1;
  const given = Object.entries({ range, channels: inputChannels, padding, fit, crop: inputCrop, mean, std }).filter(
    ([, value]) => value !== undefined,
  );
  return given.length === 0 ? undefined : (Object.fromEntries(given) as InputOptions);
}
