import { anchorTableNames, type Frame, type OptionTable, type SaveKind } from "@whybox/core";
import type { Device } from "./api.js";

/** Options of explaining files, by `explainFiles` and by the command. */
export interface FileOptions {
  /**
   * Model to use: an ONNX file, a YOLO checkpoint (.pt), a TF.js model, the URL of one, or the name of known weights. Default "yolov5s".
   */
  readonly weights?: string;
  /** File of class names: a text file with one name a line, or a YOLO data.yaml. Default: the names in the model. */
  readonly names?: string;
  /**
   * Anchors of a model whose boxes are not decoded in its file: widths and heights in pixels, finest level first ("10,13,16,30,…"), or one of
   * yolov5, yolov5-p6, yolov5-face, yolov7, yolov3, yolov4, yolov3-tiny, yolov4-tiny, yolov2, tiny-yolov2-voc, yolo-fastestv2. Default: those in the
   * file, else the table that fits.
   */
  readonly anchors?: string;
  /** Device that the model runs on. Default "cpu". */
  readonly device?: Device;
  /** Number of threads inside one operation. Default: the number of cores. */
  readonly threads?: number;
  /** Folder for the results. Default: a new runs/explain/exp, exp2, … */
  readonly out?: string;
  /**
   * Files to write for each image: the overlay, with a contact sheet if there are several maps (png), the values of the maps (npy), the document (json),
   * an overlay of each map (maps). Default: png and json.
   */
  readonly save?: readonly SaveKind[];
  /** Pixels of the saved `.npy` arrays: those of the image, or those of the model's input with its padding. Default "image". */
  readonly frame?: Frame;
}

/** The devices that `device` may name. */
export const devices = ["cpu", "cuda", "coreml", "dml", "webgpu"] as const satisfies readonly Device[];

/** The options of explaining files. */
export const fileOptions = {
  weights: {
    what: "model to use: an ONNX file, a YOLO checkpoint (.pt), a TF.js model, the URL of one, or the name of known weights",
    kind: "text",
    expected: "a model file or the name of known weights",
    default: "yolov5s",
    group: "What is explained",
    shown: "file|url|name",
  },
  names: {
    what: "file of class names: a text file with one name a line, or a YOLO data.yaml",
    kind: "text",
    expected: "a file of class names",
    otherwise: "the names in the model",
    group: "What is explained",
    shown: "file",
  },
  anchors: {
    what: `anchors of a model whose boxes are not decoded in its file: widths and heights in pixels, finest level first ("10,13,16,30,…"), or one of ${anchorTableNames.join(", ")}`,
    kind: "text",
    expected: "widths and heights in pixels, or the name of a table of anchors",
    otherwise: "those in the file, else the table that fits",
    group: "Detection",
    shown: "list|name",
  },
  device: {
    what: "device that the model runs on",
    kind: "choice",
    choices: devices,
    default: "cpu",
    group: "Detection",
    shown: "name",
  },
  threads: {
    what: "number of threads inside one operation",
    kind: "number",
    min: 1,
    max: 1024,
    whole: true,
    otherwise: "the number of cores",
    group: "Detection",
  },
  out: {
    what: "folder for the results",
    kind: "text",
    expected: "a folder",
    otherwise: "a new runs/explain/exp, exp2, …",
    group: "Output",
    shown: "dir",
  },
  save: {
    what: "files to write for each image: the overlay, with a contact sheet if there are several maps (png), the values of the maps (npy), the document (json), an overlay of each map (maps)",
    kind: "list",
    of: { kind: "choice", choices: ["png", "npy", "json", "maps"] },
    default: ["png", "json"],
    group: "Output",
    shown: "kind...",
  },
  frame: {
    what: "pixels of the saved `.npy` arrays: those of the image, or those of the model's input with its padding",
    kind: "choice",
    choices: ["image", "input"],
    default: "image",
    group: "Output",
  },
} as const satisfies OptionTable<FileOptions>;
