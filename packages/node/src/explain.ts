import {
  type ExplainOptions,
  type ExplainResult,
  explainOptions,
  namesIn,
  pickOptions,
  refuseUnknown,
} from "@whybox/core";
import type { ImageSource, LoadOptions } from "./api.js";
import { loadDetector, loadOptionNames } from "./load-detector.js";

/** Options of `explain`: those of the explanation, and where the model comes from. */
export interface ExplainImageOptions extends ExplainOptions, LoadOptions {
  /** Model file, its bytes, or a known name. Default "yolov5s". */
  readonly weights?: string | Uint8Array;
}

/**
 * Explains one picture: loads the detector, explains, disposes of it. For many pictures load once with `loadDetector`.
 * @throws WhyboxError as `loadDetector` and `Detector.explain` do.
 */
export async function explain(image: ImageSource, options: ExplainImageOptions = {}): Promise<ExplainResult> {
  const ofExplanation = [...namesIn(explainOptions), "signal"];
  refuseUnknown(options, [...ofExplanation, ...loadOptionNames, "weights"]);
  const detector = await loadDetector(options.weights ?? "yolov5s", pickOptions(options, loadOptionNames));
  try {
    return await detector.explain(image, pickOptions(options, ofExplanation));
  } finally {
    await detector.dispose();
  }
}
