/**
 * The engine in a worker, as the page of `whybox ui` uses it: one model and one image at a time. Most applications use `loadDetector`.
 * @module @whybox/browser/engine
 */

export { connectEngine, type EngineHandle } from "./connect-engine.js";
export { heatImage, mapImage } from "./heat-image.js";
export * from "./protocol.js";
