import type { Plugin } from "vite";
import * as engineFacts from "../src/controller/engine-facts.js";

/**
 * The page's descriptions of methods and scores are computed at build time and embedded in the page as JSON. So the page does not load the
 * methods themselves. Only the worker needs them.
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
