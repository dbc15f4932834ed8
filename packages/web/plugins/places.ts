import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";

/** The package of the page. */
export const packageFolder = resolve(import.meta.dirname, "..");
/** Inside the package that ships the page: `whybox ui` serves it from there. */
export const outDir = resolve(packageFolder, "../node/dist/page");

export const runtimeFolder = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/webgpu"));
export const runtimeFiles = ["ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"];
export const photos = ["dog.jpg", "chelsea.png", "coffee.png"];
