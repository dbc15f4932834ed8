/**
 * Detectors in a page: the engine in a worker, with ONNX Runtime Web set up. This package also exports all of `@whybox/core`.
 * @module @whybox/browser
 */

export * from "@whybox/core";
export type { Detector, DownloadProgress, LoadOptions, ModelReport, WeightsSource } from "./api.js";
export type { ImageSource } from "./image-source.js";
export { loadDetector } from "./load-detector.js";
export type { Device, Provider } from "./protocol.js";
export { decodeImage, type ToPngOptions, toPng } from "./to-png.js";
