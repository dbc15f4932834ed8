/** The files of this package that the engine needs: its script, and ONNX Runtime's. Bundlers find them by these expressions. */
export interface EngineFiles {
  readonly worker: string;
  readonly mjs: string;
  readonly wasm: string;
}

/** The files beside this module, or in another folder. */
export function engineFiles(folder?: string | URL): EngineFiles {
  if (folder === undefined) {
    return {
      worker: new URL("./files/worker.js", import.meta.url).href,
      mjs: new URL("./files/ort-wasm-simd-threaded.asyncify.mjs", import.meta.url).href,
      wasm: new URL("./files/ort-wasm-simd-threaded.asyncify.wasm", import.meta.url).href,
    };
  }
  const base = new URL(String(folder).replace(/\/?$/, "/"), document.baseURI);
  const at = (name: string) => new URL(name, base).href;
  return {
    worker: at("worker.js"),
    mjs: at("ort-wasm-simd-threaded.asyncify.mjs"),
    wasm: at("ort-wasm-simd-threaded.asyncify.wasm"),
  };
}

/** Starts the engine's worker. A script of another origin, such as a CDN's, is imported by a script of this page. */
export function startWorker(url: string): Worker {
  if (new URL(url).origin === location.origin) return new Worker(url, { type: "module" });
  const text = new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" });
  const local = URL.createObjectURL(text);
  try {
    return new Worker(local, { type: "module" });
  } finally {
    // The worker has the URL by then.
    setTimeout(() => URL.revokeObjectURL(local), 60_000);
  }
}
