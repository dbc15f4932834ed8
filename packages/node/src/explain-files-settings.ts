import {
  defaultMethods,
  type ExplainOptions,
  type Frame,
  type InputOptions,
  resolveMethod,
  WhyboxError,
} from "@whybox/core";
import type { Device, DownloadProgress } from "./api.js";
import { framesOf, type ImageSettings } from "./images/settings.js";

/** Options of `explainFiles`: the Python reference's, by the names that JavaScript has for them, and those of `explain`. */
export interface ExplainFilesOptions extends Omit<ExplainOptions, "imageSize" | "keepTopPercent" | "frames"> {
  /** Files, folders, globs, http(s) URLs. With `box` one picture. */
  readonly source: string | readonly string[];
  /** Model file or a known name. Default "yolov5s". */
  readonly weights?: string;
  /** A file of class names: text with one a line, or a YOLO data.yaml. */
  readonly names?: string;
  /** Default "GradCAM", as in the reference; with `per: "detection"` or a `box`, which the reference does not have, "tap-fusion". */
  readonly method?: string;
  /**
   * Default −2, as in the reference: the input of the last detection level. "auto" for methods that fuse several layers. `explain` always has
   * "auto".
   */
  readonly layer?: NonNullable<ExplainOptions["layer"]>;
  /** Only the hottest pixels, in percent of all; the others become 0. `explain` calls it `keepTopPercent`. Default 100. */
  readonly keepOnlyTopk?: number;
  /** Size of the network's input, one number or `[h, w]`. Default 640, or the model's own. */
  readonly imgsz?: number | readonly [height: number, width: number];
  /** What the model is fed with, where its file does not tell, or tells wrongly. */
  readonly input?: InputOptions;
  readonly device?: Device;
  readonly threads?: number;
  /** Folder for the results. Default: a new runs/explain/exp, exp2, … under the current folder. */
  readonly out?: string;
  /** Files for each picture. Default png and json. */
  readonly save?: readonly ("png" | "npy" | "json")[];
  /** Pixels of each saved `.npy`: the picture's, or the network's input with its padding. Default "image". */
  readonly frame?: Frame;
  readonly colormap?: string;
  readonly opacity?: number;
  readonly hideBoxes?: boolean;
  readonly hideLabels?: boolean;
  readonly sideBySide?: boolean;
  /** Draws, in place of the heatmap, the picture with its mean colour wherever there is heat. Default false. */
  readonly crop?: boolean;
  /** The opposite: the picture only where there is heat. Default false. */
  readonly cropKeep?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/**
 * What the images are explained with, from the options of `explainFiles`.
 * @throws usage for options that exclude each other or a percentage that leaves nothing; the rest is checked by the engine.
 */
export function settingsOf(options: ExplainFilesOptions): ImageSettings {
  refuseContradictions(options);
  const { imgsz, per = "image", save = ["png", "json"], frame = "image" } = options;
  const layer = options.layer ?? defaultLayer(options);
  return {
    weights: options.weights ?? "yolov5s",
    names: options.names,
    device: options.device ?? "cpu",
    threads: options.threads,
    input: options.input,
    explain: {
      layer: layer === "auto" || Array.isArray(layer) ? layer : [layer as number | string],
      classNames: options.classNames ?? [],
      backwardPerClass: options.backwardPerClass ?? false,
      topk: options.topk ?? 10,
      per,
      scale: options.scale ?? "each",
      eigenSmooth: options.eigenSmooth ?? false,
      augSmooth: options.augSmooth ?? false,
      keepTopPercent: options.keepOnlyTopk ?? 100,
      compat: options.compat ?? false,
      seed: options.seed ?? 0,
      confidence: options.confidence ?? 0.25,
      iou: options.iou ?? 0.45,
      maxDetections: options.maxDetections ?? 1000,
      agnostic: options.agnostic ?? false,
      ...defined({
        method: options.method,
        backprop: options.backprop,
        versus: options.versus,
        box: options.box,
        detections: options.detections,
        samples: options.samples,
        ablateTo: options.ablateTo,
        frames: framesOf(per, frame, save),
        imageSize: typeof imgsz === "number" ? ([imgsz, imgsz] as const) : imgsz,
      }),
    },
    save,
    frame,
    colormap: options.colormap ?? "jet",
    opacity: options.opacity ?? 0.5,
    hideBoxes: options.hideBoxes ?? false,
    hideLabels: options.hideLabels ?? false,
    sideBySide: options.sideBySide ?? false,
    crop: options.crop ? "rest" : options.cropKeep ? "hot" : undefined,
  };
}

/** The reference's −2, but for methods to which a single layer says nothing: those that fuse several, or are read at none. */
function defaultLayer({ method, per, box }: ExplainFilesOptions): "auto" | -2 {
  if (method === undefined) return per === "detection" || box !== undefined ? "auto" : -2;
  const { reads = "layers", auto = "level" } = resolveMethod(method, defaultMethods);
  return reads !== "layers" || auto === "taps" || auto === "taps-fast" ? "auto" : -2;
}

function refuseContradictions({ crop, cropKeep, keepOnlyTopk }: ExplainFilesOptions): void {
  if (crop && cropKeep) throw new WhyboxError("usage", "crop and cropKeep are opposites; give one of the two.");
  if (keepOnlyTopk !== undefined && !(keepOnlyTopk > 0 && keepOnlyTopk <= 100)) {
    throw new WhyboxError("usage", `keepOnlyTopk is ${keepOnlyTopk}; expected a number above 0, 100 at most.`);
  }
}

/** The entries that are not undefined. */
export function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never;
}
