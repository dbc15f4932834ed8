import type { DetectorHead, DetectorTask } from "../../detector/head.js";
import { type DrawingOptions, drawingOptions } from "../../image/drawing-options.js";
import type { Frame } from "../../image/frame.js";
import { nameOptions } from "../../options/names.js";
import { plainOptions } from "../../options/plain.js";
import type { Filled } from "../../options/spec.js";
import { detectDefaults, type ExplainOptions, explainOptions } from "../options/options.js";
import type { ExplainResult } from "./result.js";

/** Where the model runs. */
export interface DocumentDevice {
  readonly device: string;
  /** Undefined: one per core. */
  readonly threads: number | undefined;
}

/** A kind of file: the overlay of the image with the contact sheet, the values, the document, or an image of each map. */
export type SaveKind = "png" | "npy" | "json" | "maps";

/** How the result is saved and drawn. */
export interface DocumentLook extends Omit<Filled<DrawingOptions, typeof drawingOptions>, "crop" | "cropKeep"> {
  readonly save: readonly SaveKind[];
  /** Frame of the saved heatmaps. */
  readonly frame: Frame;
  /** The part of the image that remains if it is cropped by the heatmap. Undefined: the heatmap is drawn over the image. */
  readonly crop: "rest" | "hot" | undefined;
}

/** The data that the `options` of a result document are made from. */
export interface OptionParts {
  /** The options of the explanation, as given by the caller. */
  readonly options: ExplainOptions;
  readonly device: DocumentDevice;
  readonly look: DocumentLook;
  readonly result: ExplainResult;
  readonly model: { readonly head: Pick<DetectorHead, "task"> };
}

/** The `options` of a result document: all options, with defaults. */
export function documentOptions({ options, device, look, result, model }: OptionParts) {
  return {
    device: device.device,
    threads: device.threads ?? null,
    ...optionsInEffect(options, result, model.head.task),
    save: [...look.save],
    frame: look.frame,
    ...plainOptions<DrawingOptions, typeof drawingOptions>(
      { ...look, crop: look.crop === "rest", cropKeep: look.crop === "hot" },
      drawingOptions,
    ),
  };
}

/** The options of an explanation. Method and scores come from the result, because their defaults depend on other options. Some defaults depend on the task. */
function optionsInEffect(given: ExplainOptions, { method, backprop }: ExplainResult, task: DetectorTask) {
  const { values } = nameOptions(given, explainOptions, { besides: ["signal", "onProgress"] });
  const named = { ...detectDefaults(task), ...values, method, backprop } as ExplainOptions;
  return plainOptions<ExplainOptions, typeof explainOptions>(named, explainOptions);
}
