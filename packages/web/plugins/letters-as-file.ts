import { pathToFileURL } from "node:url";
import type { Plugin } from "vite";

interface LetterOutlines {
  readonly bytes: () => Uint8Array;
}

/** Loads the letter outlines of labels as a binary file next to the script that draws them, not as base64 inside it. */
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
          if (!answer.ok) throw new Error("The font of the labels could not be loaded. Reload the page.");
          const letters = new Uint8Array(await answer.arrayBuffer());
          export const fontOutlines = { ...${JSON.stringify(metrics)}, bytes: () => letters };
        `;
      },
    },
  };
}
