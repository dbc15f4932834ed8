import type { ExplainOptions, ExplainResult } from "@whybox/core";
import type { ImageSource, LoadOptions } from "./api.js";
import { loadDetector } from "./load-detector.js";

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
  const detector = await loadDetector(options.weights ?? "yolov5s", options);
  try {
    return await detector.explain(image, options);
  } finally {
    await detector.dispose();
  }
}
