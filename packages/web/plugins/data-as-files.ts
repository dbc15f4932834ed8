import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "vite";
import * as engineFacts from "../src/controller/engine-facts.js";
import { coreFolder } from "./places.js";

interface LetterOutlines {
  readonly bytes: () => Uint8Array;
}

/** The letters of labels are no script: they come as bytes, beside the script that draws with them. */
export function lettersAsFile(): Plugin {
  return {
    name: "letters-as-file",
    apply: "build",
    load: {
      filter: { id: /draw\/font-outlines\.js$/ },
      async handler(id) {
        const { fontOutlines } = (await import(pathToFileURL(id).href)) as { fontOutlines: LetterOutlines };
        const { bytes, ...metrics } = fontOutlines;
        const letters = this.emitFile({ type: "asset", name: "letters.bin", source: bytes() });
        return `
          const answer = await fetch(import.meta.ROLLUP_FILE_URL_${letters});
          if (!answer.ok) throw new Error("The letters of labels could not be loaded. Reload the page.");
          const letters = new Uint8Array(await answer.arrayBuffer());
          export const fontOutlines = { ...${JSON.stringify(metrics)}, bytes: () => letters };
        `;
      },
    },
  };
}

/** Nor are the kernels in WebAssembly: the worker loads them together with the runtime. Without them the same numbers take longer. */
export function kernelsAsFile(): Plugin {
  return {
    name: "kernels-as-file",
    apply: "build",
    resolveId: (id) => (id === "virtual:kernels" ? join(coreFolder, "kernels/kernels.js") : undefined),
    load: {
      filter: { id: /kernels\/kernels\.js$/ },
      async handler(id) {
        const { kernelsBase64 } = (await import(pathToFileURL(id).href)) as { kernelsBase64: string };
        const kernels = this.emitFile({ type: "asset", name: "kernels.txt", source: kernelsBase64 });
        return `
          export let kernelsBase64 = "";
          export async function loadKernels() {
            kernelsBase64 ||= await fetch(import.meta.ROLLUP_FILE_URL_${kernels}).then((answer) => answer.text());
          }
        `;
      },
    },
  };
}

/**
 * What the page tells of the methods is worked out here, as their numerics run in the worker only. It stands in the page as data: it is
 * needed at once, and is no script.
 */
export function engineFactsAsData(): Plugin {
  const names = Object.keys(engineFacts).join(", ");
  return {
    name: "engine-facts",
    apply: "build",
    load: {
      filter: { id: /controller\/engine-facts\.ts$/ },
      handler: () => `export const { ${names} } = JSON.parse(document.querySelector("#engine-facts").textContent);`,
    },
    transformIndexHtml: () => [
      {
        tag: "script",
        attrs: { type: "application/json", id: "engine-facts" },
        children: JSON.stringify(engineFacts).replaceAll("<", "\\u003c"),
        injectTo: "head",
      },
    ],
  };
}
