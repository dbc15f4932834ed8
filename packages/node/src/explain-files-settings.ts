import {
  checkExplainOptions,
  type DownloadProgress,
  type DrawingOptions,
  defaultMethodId,
  defaultMethods,
  drawingOptions,
  type ExplainOptions,
  type InputOptions,
  namesIn,
  pickOptions,
  readOptions,
  resolveMethod,
  WhyboxError,
} from "@whybox/core";
import { type FileOptions, fileOptions } from "./file-options.js";
import { type ImageOptions, type ImageSettings, imageOptions, imageSettings } from "./images/settings.js";

/** Options of `explainFiles`: those of `explain`, of files and of drawing. The Python reference's names are aliases (`imgsz`, `keepOnlyTopk`). */
export interface ExplainFilesOptions
  extends Omit<ExplainOptions, "frames" | "onProgress">,
    FileOptions,
    DrawingOptions {
  /** Files, folders, globs, http(s) URLs. With `box`, one image. */
  readonly source: string | readonly string[];
  /**
   * Layers, as `explain` takes them. Default −2, as in the reference: the input of the last detection level. "auto" for methods that fuse
   * several layers or are not read at a layer.
   */
  readonly layer?: NonNullable<ExplainOptions["layer"]>;
  /** Colours of the heatmap: a name, or a table of your own (`Colormap`). Default "jet", as in the reference. */
  readonly colormap?: NonNullable<DrawingOptions["colormap"]>;
  /** Opacity of the heatmap over the image, from 0 to 1. Default 0.5. */
  readonly opacity?: number;
  /** What the model is fed with, where its file does not tell, or tells wrongly. */
  readonly input?: InputOptions;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Gets a message about each image file that does not say how its values become pixels, or has several images: what is read. */
  readonly onNote?: (text: string) => void;
}

const { frames: _, ...ofExplanation } = imageOptions;
const table = { ...ofExplanation, ...fileOptions, ...drawingOptions };
const besides = ["source", "input", "onProgress", "onNote", "signal"];

/**
 * What the images are explained with, from the options of `explainFiles`.
 * @throws usage for unknown options, values out of range, and options that exclude each other.
 */
export function settingsOf(given: ExplainFilesOptions): ImageSettings {
  const { options, named } = readOptions<ExplainFilesOptions, typeof table>(given, table, besides);
  if (options.crop && options.cropKeep) {
    throw new WhyboxError("usage", "crop and cropKeep are opposites; give one of the two.");
  }
  checkExplainOptions(pickOptions(given, namesIn(ofExplanation)));
  const layer = named.values.layer === undefined ? defaultLayer(options) : options.layer;
  // The reference's look.
  const colormap = named.values.colormap === undefined ? "jet" : options.colormap;
  const opacity = named.values.opacity === undefined ? 0.5 : options.opacity;
  return imageSettings({ ...options, layer, colormap, opacity, input: given.input });
}

/** The reference's −2, but "auto" for methods that a single layer does not suit: they fuse several, or are read at none. */
function defaultLayer(options: Pick<ImageOptions, "method" | "per" | "box" | "eigenSmooth" | "scale">): "auto" | -2 {
  const { reads = "layers", auto = "level" } = resolveMethod(
    options.method ?? defaultMethodId(options),
    defaultMethods,
  );
  return reads !== "layers" || auto === "taps" || auto === "taps-fast" ? "auto" : -2;
}
