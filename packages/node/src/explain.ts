import {
  type DownloadProgress,
  type ExplainOptions,
  type ExplainProgress,
  type ExplainResult,
  explainOptions,
  namesIn,
  pickOptions,
  refuseUnknown,
} from "@whybox/core";
import type { LoadOptions } from "./api.js";
import type { ImageSource } from "./io/image-source.js";
import { loadDetector, loadOptionNames } from "./load-detector.js";

/** Options of `explain`: options of the explanation, and of loading the model. */
export interface ExplainImageOptions extends Omit<ExplainOptions, "onProgress">, Omit<LoadOptions, "onProgress"> {
  /** Receives the progress of a download (with `received`), and then of the explanation (with `done`). */
  readonly onProgress?: (progress: DownloadProgress | ExplainProgress) => void;
  /** Model file, its bytes, or the name of known weights. Default: "yolov5s". */
  readonly weights?: string | Uint8Array;
}

/**
 * Explains one image: loads the detector, explains the image, and disposes the detector. For several images, load the detector once
 * with `loadDetector`.
 * @throws WhyboxError as `loadDetector` and `Detector.explain` do.
 */
export async function explain(image: ImageSource, options: ExplainImageOptions = {}): Promise<ExplainResult> {
  const explanationNames = [...namesIn(explainOptions), "signal", "onProgress"];
  refuseUnknown(options, [...explanationNames, ...loadOptionNames, "weights"]);
  const detector = await loadDetector(options.weights ?? "yolov5s", pickOptions(options, loadOptionNames));
  try {
    return await detector.explain(image, pickOptions(options, explanationNames));
  } finally {
    await detector.dispose();
  }
}
