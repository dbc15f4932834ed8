/**
 * Files, weights and worker threads for Node. This package also exports all of `@whybox/core`.
 * @module whybox
 */

export * from "@whybox/core";
export {
  type CheckDocument,
  type CheckedMethod,
  type CheckFigures,
  type CheckId,
  type CheckParts,
  type CheckVerdict,
  checkDocument,
} from "@whybox/report";
export type { Detector, Device, LoadOptions, ModelReport } from "./api.js";
export { type ExplainImageOptions, explain } from "./explain.js";
export {
  type ExplainFilesOptions,
  type ExplainFilesResult,
  explainFiles,
  type RunOptions,
  type RunResult,
  run,
} from "./explain-files.js";
export { devices, type FileOptions, fileOptions } from "./file-options.js";
export type { SourceFailure } from "./images/sources.js";
export { type DecodeImageOptions, decodeImage } from "./io/decode-image.js";
export { encodePng } from "./io/encode-png.js";
export type { CanvasImage, ImageSource, SharpImage } from "./io/image-source.js";
export { loadDetector } from "./load-detector.js";
export type { Environment } from "./models/cache-folder.js";
export type { KnownWeights, NamedWeights, PackagedWeights, ReleasedWeights } from "./models/registry.js";
export { type ResolvedWeights, type ResolveWeightsOptions, resolveWeights } from "./models/resolve-weights.js";
export { createOrtPort } from "./runtime/ort-port.js";
export { createWorkerPort, type WorkerPort } from "./runtime/worker-port.js";
export { type ToPngOptions, toPng } from "./to-png.js";
