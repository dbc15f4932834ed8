import {
  type DrawingOptions,
  detectDefaults,
  drawingOptions,
  type ExplainOptions,
  explainOptions,
  type Filled,
  type InputOptions,
  type OptionRows,
  pickOptions,
  plainValue,
  type WithDefault,
} from "@whybox/core";
import type { FileOptions, fileOptions } from "../file-options.js";

const { default: confidenceDefault, ...confidence } = explainOptions.confidence;
const { default: maxDetectionsDefault, ...maxDetections } = explainOptions.maxDetections;

/** The options of an explanation, where those whose defaults depend on the task stay undefined unless they are given: the engine knows the task. */
export const imageOptions = {
  ...explainOptions,
  confidence: {
    ...{ ...confidence, what: "minimum confidence of a detection" },
    otherwise: `${confidenceDefault}; ${detectDefaults("classify").confidence} for the classes of a classifier, and the most probable one in any case`,
  },
  maxDetections: {
    ...{ ...maxDetections, what: "maximum number of detections" },
    otherwise: `${maxDetectionsDefault}; ${detectDefaults("classify").maxDetections} for the classes of a classifier`,
  },
} as const;

/** All settings for explaining images: validated, with defaults. For undefined values, core chooses. */
export interface ImageSettings
  extends Omit<Filled<FileOptions, typeof fileOptions>, "out">,
    Omit<DrawingValues, "crop" | "cropKeep"> {
  /** The model's input, if set by the user. */
  readonly input: InputOptions | undefined;
  /** Options without a fixed default are present only if they are set. */
  readonly explain: Omit<ExplainOptions, "signal" | "onProgress"> &
    Required<Pick<ExplainOptions, Exclude<WithDefault<typeof imageOptions>, "measure">>>;
  /** The part of the image to draw instead of a heatmap. undefined: draw the heatmap. */
  readonly crop: "rest" | "hot" | undefined;
}

/** The values of these options. */
export type ImageValues = Filled<ExplainOptions, typeof imageOptions>;

type DrawingValues = Filled<DrawingOptions, typeof drawingOptions>;

/** Values of the options that `explainFiles` and the command share. */
export type ImageOptions = Omit<ImageValues, "frames" | "measure"> &
  Pick<ExplainOptions, "measure"> &
  Filled<FileOptions, typeof fileOptions> &
  DrawingValues &
  Pick<ImageSettings, "input">;

export function imageSettings(options: ImageOptions): ImageSettings {
  const { weights, names, anchors, device, threads, input, save, frame } = options;
  const drawing = pickOptions(options, Object.keys(drawingOptions)) as unknown as DrawingValues;
  const { crop, cropKeep, ...look } = drawing;
  // The maps of single detections and classes are computed in the input's frame only when they are saved.
  const frames = options.per !== "image" && frame === "input" && save.includes("npy") ? "both" : undefined;
  return {
    ...{ weights, names, anchors, device, threads, input },
    explain: explainSettings({ ...options, frames }),
    ...{ save, frame, ...look },
    crop: crop ? "rest" : cropKeep ? "hot" : undefined,
  };
}

/** The options of the explanation: first those with a default, then the others that are set. A run's manifest keeps this order. */
function explainSettings(
  options: Omit<ImageValues, "measure"> & Pick<ExplainOptions, "measure">,
): ImageSettings["explain"] {
  const rows: OptionRows = imageOptions;
  const given = Object.entries(rows).flatMap(([name, row]) => {
    const value = options[name as keyof ImageValues];
    return value === undefined ? [] : [[name, plainValue(row, value), row.default !== undefined] as const];
  });
  const ordered = [...given.filter(([, , isSet]) => isSet), ...given.filter(([, , isSet]) => !isSet)];
  return Object.fromEntries(ordered.map(([name, value]) => [name, value])) as unknown as ImageSettings["explain"];
}
