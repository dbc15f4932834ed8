import {
  type DrawingOptions,
  drawingOptions,
  type ExplainOptions,
  type ExplainValues,
  explainOptions,
  type Filled,
  type InputOptions,
  type OptionRows,
  pickOptions,
  plainValue,
  type WithDefault,
} from "@whybox/core";
import type { FileOptions, fileOptions } from "../file-options.js";

/** All settings for explaining images: validated, with defaults. For undefined values, core chooses. */
export interface ImageSettings
  extends Omit<Filled<FileOptions, typeof fileOptions>, "out">,
    Omit<DrawingValues, "crop" | "cropKeep"> {
  /** The model's input, if set by the user. */
  readonly input: InputOptions | undefined;
  /** Options without a fixed default are present only if they are set. */
  readonly explain: Omit<ExplainOptions, "signal" | "onProgress"> &
    Required<Pick<ExplainOptions, WithDefault<typeof explainOptions>>>;
  /** The part of the image to draw instead of a heatmap. undefined: draw the heatmap. */
  readonly crop: "rest" | "hot" | undefined;
}

type DrawingValues = Filled<DrawingOptions, typeof drawingOptions>;

/** Values of the options that `explainFiles` and the command share. */
export type ImageOptions = Omit<ExplainValues, "frames"> &
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
function explainSettings(options: ExplainValues): ImageSettings["explain"] {
  const rows: OptionRows = explainOptions;
  const given = Object.entries(rows).flatMap(([name, row]) => {
    const value = options[name as keyof ExplainValues];
    return value === undefined ? [] : [[name, plainValue(row, value), row.default !== undefined] as const];
  });
  const ordered = [...given.filter(([, , isSet]) => isSet), ...given.filter(([, , isSet]) => !isSet)];
  return Object.fromEntries(ordered.map(([name, value]) => [name, value])) as unknown as ImageSettings["explain"];
}
