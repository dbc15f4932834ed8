/**
 * Detectors in a page: the engine in a worker, with ONNX Runtime Web set up. This package also exports all of `@whybox/core`.
 * @module @whybox/browser
 */

export * from "@whybox/core";
export type * from "./api.js";
export { describesModel } from "./beside-files.js";
export { heatImage, mapImage } from "./heat-image.js";
export type { ImageSource } from "./image-source.js";
export { loadDetector } from "./load-detector.js";
export type {
  Device,
  DocumentAbout,
  HeatDrawing,
  HeatLook,
  HeatMap,
  HeatResult,
  ImageFacts,
  LayerMap,
  LoadStage,
  ModelReport,
  Provider,
} from "./protocol.js";
export { startEngine } from "./start-engine.js";
export { decodeImage, type ToPngOptions, toPng } from "./to-png.js";
