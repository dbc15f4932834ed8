// The build takes this module in place of the one of @whybox/browser, so that the parts of the worker load on demand, and ONNX Runtime's files
// have fixed names.

/** The files that the engine needs. The worker's script is part of the build. */
export function engineFiles() {
  const at = (name: string) => new URL(`ort/ort-wasm-simd-threaded.asyncify.${name}`, document.baseURI).href;
  return { worker: "", mjs: at("mjs"), wasm: at("wasm") };
}

export function startWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}
