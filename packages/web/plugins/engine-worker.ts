import { join } from "node:path";
import type { Plugin } from "vite";
import { packageFolder } from "./places.js";

/** The worker is an entry of the same build as the page: what both need is one file, and not a copy in each. */
export function engineWorker(): Plugin {
  return {
    name: "engine-worker",
    apply: "build",
    resolveId: (id) => (id === "virtual:engine-worker" ? `\0${id}` : undefined),
    load: {
      filter: { id: /^\0virtual:engine-worker$/ },
      handler() {
        const entry = this.emitFile({ type: "chunk", id: join(packageFolder, "src/worker/worker.ts"), name: "worker" });
        return `export const workerAddress = import.meta.ROLLUP_FILE_URL_${entry};`;
      },
    },
  };
}

/** What is imported later has nothing to preload, and Vite's helper for that wants a window, which the worker has not. */
export function plainImports(): Plugin {
  return {
    name: "plain-imports",
    apply: "build",
    enforce: "pre",
    load: {
      filter: { id: /vite\/preload-helper\.js$/ },
      handler: () => "export const __vitePreload = (load) => load();",
    },
  };
}
