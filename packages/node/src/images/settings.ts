import {
  type DrawingOptions,
  type drawingOptions,
  type ExplainOptions,
  type ExplainValues,
  explainOptions,
  type Filled,
  type InputOptions,
  type OptionRows,
  plainValue,
  type WithDefault,
} from "@whybox/core";
import type { FileOptions, fileOptions } from "../file-options.js";

/** Everything that images are explained with, checked, with the defaults filled in. Where it is undefined, the engine chooses. */
export interface ImageSettings
  extends Omit<Filled<FileOptions, typeof fileOptions>, "out">,
    Omit<Filled<DrawingOptions, typeof drawingOptions>, "crop" | "cropKeep"> {
  /** What the model is fed with, where it is to be told. */
  readonly input: InputOptions | undefined;
  /** Options that have no fixed default are there when they are given. */
  readonly explain: Omit<ExplainOptions, "signal"> & Required<Pick<ExplainOptions, WithDefault<typeof explainOptions>>>;
  /** The pixels of the image that are drawn instead of a heatmap; undefined: the heatmap is drawn. */
  readonly crop: "rest" | "hot" | undefined;
}

/** Values of all options that `explainFiles` and the command have in common. */
export type ImageOptions = Omit<ExplainValues, "frames"> &
  Filled<FileOptions, typeof fileOptions> &
  Filled<DrawingOptions, typeof drawingOptions> &
  Pick<ImageSettings, "input">;

/** The settings, from the values of the options. */
export function imageSettings(options: ImageOptions): ImageSettings {
  const { weights, names, device, threads, input, save, frame, crop, cropKeep } = options;
  const { colormap, opacity, hideBoxes, hideLabels, sideBySide } = options;
  // The maps of single detections and classes are made in the input's pixels only when they are saved.
  const frames = options.per !== "image" && frame === "input" && save.includes("npy") ? "both" : undefined;
  return {
    ...{ weights, names, device, threads, input },
    explain: explainSettings({ ...options, frames }),
    ...{ save, frame, colormap, opacity, hideBoxes, hideLabels, sideBySide },
    crop: crop ? "rest" : cropKeep ? "hot" : undefined,
  };
}

/** The options of the explanation: first those with a default, then those that are given. The manifest of a run keeps this order. */
function explainSettings(options: ExplainValues): ImageSettings["explain"] {
  const rows: OptionRows = explainOptions;
  const given = Object.entries(rows).flatMap(([name, row]) => {
    const value = options[name as keyof ExplainValues];
    return value === undefined ? [] : [[name, plainValue(row, value), row.default !== undefined] as const];
  });
  const ordered = [...given.filter(([, , isSet]) => isSet), ...given.filter(([, , isSet]) => !isSet)];
  return Object.fromEntries(ordered.map(([name, value]) => [name, value])) as unknown as ImageSettings["explain"];
}
