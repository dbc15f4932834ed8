import { type ExplainResult, type ResultData, resultFrom } from "@whybox/core";
import type { ImageSource } from "./image-source.js";
import { rememberImage } from "./result-images.js";

/** The result that the worker sent. */
export function receiveResult(data: ResultData, source: ImageSource): ExplainResult {
  return rememberImage(resultFrom(data), source);
}
