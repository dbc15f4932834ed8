import { join } from "node:path";
import type { Plugin } from "vite";
import { packageFolder } from "./places.js";

/** Takes the page's own worker and places of files in place of those of @whybox/browser. */
export function enginePlaces(): Plugin {
  return {
    name: "engine-places",
    enforce: "pre",
    apply: "build",
    resolveId: {
      filter: { id: /^\.\/places\.js$/ },
      handler: (_, importer) =>
        /[/\\]browser[/\\]dist[/\\]/.test(importer ?? "") ? join(packageFolder, "src/engine-places.ts") : null,
    },
  };
}
