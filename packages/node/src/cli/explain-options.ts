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

/** How the command says what the model is fed with. */
interface InputFlags {
  readonly inputRange?: "1" | "255";
  readonly inputChannels?: "rgb" | "bgr";
  readonly padding?: "centre" | "end";
}

/** Options that images have in common in all commands that explain. */
export interface ImageFlags extends ExplainOptions, FileOptions, DrawingOptions, InputFlags {
  readonly perDetection?: boolean;
  readonly quiet?: boolean;
}

/** Options of `whybox explain`. */
export interface ExplainFlags extends ImageFlags {
  /** Class name of `box`. */
  readonly class?: string;
  readonly requireDetections?: boolean;
  readonly json?: boolean;
}

const inputFlags = {
  inputRange: {
    what: "largest value of the pixels that the model takes",
    kind: "choice",
    choices: ["1", "255"],
    otherwise: "as its graph tells, else 1",
    group: "Detection",
  },
  inputChannels: {
    what: "order of the channels that the model takes",
    kind: "choice",
    choices: ["rgb", "bgr"],
    otherwise: "as its graph tells, else rgb",
    group: "Detection",
  },
  padding: {
    what: "grey padding around the image, or at its right and bottom only",
    kind: "choice",
    choices: ["centre", "end"],
    otherwise: "centre, and end for a YOLOX",
    group: "Detection",
  },
} as const satisfies OptionTable<InputFlags>;

/** The options that `whybox explain`, `whybox run` and `whybox shard plan` have in common. */
export const imageFlags = {
  ...{ weights: fileOptions.weights, names: fileOptions.names },
  ...explainOptions,
  perDetection: { what: "short for --per detection", kind: "flag", default: false, group: "What is explained" },
  ...inputFlags,
  ...fileOptions,
  ...drawingOptions,
  quiet: { what: "print errors only", kind: "flag", default: false, group: "Output" },
} as const;

/** The options of `whybox explain`. */
export const explainFlags = {
  ...imageFlags,
  class: {
    what: "class that --box is explained for",
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

/** What `--per` and `--per-detection` say together. `typed` names the options that were typed. */
export function perOf({ per, perDetection }: ImageValues, typed: readonly string[]): ImageValues["per"] {
  return perDetection && !typed.includes("per") ? "detection" : per;
}

/** What images are explained with, from the options of the command, which must not contradict each other. */
export function toSettings(values: ImageValues, typed: readonly string[]): ImageSettings {
  return imageSettings({ ...values, per: perOf(values, typed), input: inputOf(values) });
}

/** What is said of the model's input; undefined when nothing is. */
function inputOf({ inputRange, inputChannels: channels, padding }: ImageValues): InputOptions | undefined {
  if (inputRange === undefined && channels === undefined && padding === undefined) return undefined;
  return {
    ...(inputRange === undefined ? {} : { range: inputRange === "255" ? 255 : 1 }),
    ...(channels === undefined ? {} : { channels }),
    ...(padding === undefined ? {} : { padding }),
  };
}
