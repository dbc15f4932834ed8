import { pythonDict } from "../../detector/python-names.js";
import { WhyboxError } from "../../errors.js";
import type { Model } from "../../onnx/model.js";
import { restoreNanodet } from "../nanodet/restore-nanodet.js";
import type { RestoreOptions } from "../restored.js";
import { restoreYolov5 } from "../yolov5/restore-yolov5.js";
import { readTfjs } from "./read-tfjs.js";

/** Functions that restore layer names, dynamic size or decoded output of a known model family. The first that recognises the model is used. */
const restorers = [restoreYolov5, restoreNanodet] as const;

/**
 * Converts a TF.js graph model of a detector to an ONNX model: YOLOv5 and NanoDet in the form of their own ONNX exports, any other with the
 * names and sizes of its file.
 *
 * @param modelJson the text of model.json, or the object it parses to.
 * @param weights the bytes of all weight files, joined in the order of `tfjsWeightFiles(modelJson)`.
 * @throws bad-input for a broken file; unsupported-model for ops without a translation; usage when `names` does not fit.
 */
export function readTfjsDetector(modelJson: unknown, weights: Uint8Array, options: RestoreOptions = {}): Model {
  const model = readTfjs(modelJson, weights);
  for (const restore of restorers) {
    try {
      return restore(model, options);
    } catch (error) {
      if (!(error instanceof WhyboxError) || error.code !== "unsupported-model") throw error;
    }
  }
  const metadata = new Map(Object.entries(options.metadata ?? {}));
  if (options.names !== undefined) metadata.set("names", pythonDict(options.names));
  return { ...model, metadata };
}
