import {
  checkExplainOptions,
  type DetectAloneOptions,
  type DetectOptions,
  type DetectorTask,
  type DrawingOptions,
  detectDefaults,
  detectOptions,
  drawingOptions,
  type ExplainOptions,
  explainOptions,
  namesIn,
  pickOptions,
  readOptions,
  WhyboxError,
} from "@whybox/core";
import { type FileOptions, fileOptions } from "../file-options.js";
import { type ImageSettings, imageOptions, imageSettings } from "../images/settings.js";
import type { ServedModel } from "./protocol.js";

/** The options of a request. */
export interface RequestOptions extends Omit<ExplainOptions, "frames" | "signal" | "onProgress">, DrawingOptions {
  /** Files to send with the result. */
  readonly save?: readonly ("png" | "sheet" | "maps" | "npy")[];
  readonly frame?: FileOptions["frame"];
}

const { frames: _, ...ofExplanation } = imageOptions;

/** The options of a request, with the server's defaults: one heatmap for each detection, no files. */
export const requestOptions = {
  ...ofExplanation,
  per: { ...explainOptions.per, otherwise: "detection; image with box or backwardPerClass", default: "detection" },
  maxDetections: {
    ...imageOptions.maxDetections,
    otherwise: "what the server allows (--max-detections); 5 for the classes of a classifier",
  },
  save: {
    what: "files to send with the result, in base64: the image with the heatmap (png), a contact sheet of several maps (sheet), an image for each map (maps), arrays (npy)",
    kind: "list",
    of: { kind: "choice", choices: ["png", "sheet", "maps", "npy"] },
    default: [],
    otherwise: "none",
    group: "Output",
  },
  frame: fileOptions.frame,
  ...drawingOptions,
} as const;

/** Bounds on what a request may ask a model for. */
export interface RequestLimits {
  readonly maxDetections: number;
  readonly maxImageSize: number;
  /** Task of the model, which some defaults depend on. */
  readonly task: DetectorTask;
}

/** What a request asks for: the settings of the explanation, and whether to draw a contact sheet. */
export interface Asked {
  readonly settings: ImageSettings;
  readonly sheet: boolean;
}

/**
 * The settings of an explanation, from the options of a request.
 * @throws usage as the library does; limit for more detections or a larger input than the server allows.
 */
export function settingsOf(given: RequestOptions, model: ServedModel, limits: RequestLimits): Asked {
  const { options, named } = readOptions<RequestOptions, typeof requestOptions>(given, requestOptions);
  if (options.crop && options.cropKeep) {
    throw new WhyboxError("usage", "crop and cropKeep are opposites; give one of the two.");
  }
  const isOne = options.box !== undefined || options.backwardPerClass;
  const per = given.per ?? (isOne ? "image" : options.per);
  checkExplainOptions({ ...pickOptions(given, namesIn(ofExplanation)), per });
  const { name: weights, anchors, input, device, threads } = model;
  const settings = imageSettings({
    ...{ ...options, ...boundedBy(named.values, limits), per, save: options.save.filter((one) => one !== "sheet") },
    ...{ weights, names: undefined, anchors, input, device, threads, out: undefined },
  });
  return { settings, sheet: options.save.includes("sheet") };
}

/** The options of a detection, from those of a request. @throws as `settingsOf`. */
export function detectionOf(given: DetectOptions, limits: RequestLimits): DetectAloneOptions {
  const { values } = readOptions<DetectOptions, typeof detectOptions>(given, detectOptions).named;
  return { ...values, ...boundedBy(values, limits) };
}

/** The maximum number of detections: the request's, or the usual one, as far as the server allows it. */
function boundedBy(given: DetectOptions, { task, maxDetections, maxImageSize }: RequestLimits) {
  refuseAbove("maxDetections", given.maxDetections ?? 0, maxDetections);
  for (const side of [given.imageSize ?? []].flat()) refuseAbove("imageSize", side, maxImageSize);
  return { maxDetections: given.maxDetections ?? Math.min(maxDetections, detectDefaults(task).maxDetections) };
}

function refuseAbove(name: string, value: number, limit: number): void {
  if (value <= limit) return;
  throw new WhyboxError("limit", `${name} is ${value}; this server allows at most ${limit}.`, {
    details: { option: name, limit },
  });
}
