import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";

/** Folder of the package @whybox/web. */
export const packageFolder = resolve(import.meta.dirname, "..");
/** Output folder in the package `whybox`. `whybox ui` serves the page from there. */
export const outDir = resolve(packageFolder, "../node/dist/page");

/** ONNX Runtime's files, those of the engine's package. */
export const runtimeFolder = dirname(
  createRequire(createRequire(import.meta.url).resolve("@whybox/browser/package.json")).resolve(
    "onnxruntime-web/webgpu",
  ),
);
export const runtimeFiles = ["ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"];
export const photos = ["dog.jpg", "chelsea.png", "coffee.png"];
