import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";
import { copyFiles } from "./plugins/copy-files.js";
import { engineFactsAsData } from "./plugins/engine-facts.js";
import { enginePlaces } from "./plugins/engine-places.js";
import { lettersAsFile } from "./plugins/letters-as-file.js";
import { outDir, packageFolder } from "./plugins/places.js";
import { serviceWorker } from "./plugins/service-worker.js";

const facts = readFileSync(join(packageFolder, "package.json"), "utf8");
const { version: packageVersion } = JSON.parse(facts) as { version: string };

export default defineConfig({
  root: packageFolder,
  base: "./",
  // The runtime's WebAssembly is a file next to the page. The entry with inline WebAssembly would double the size of the script.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production", "import", "default"] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: { __WHYBOX_VERSION__: JSON.stringify(packageVersion) },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    cssMinify: true,
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_, names, { hostType }) => (hostType === "html" ? names : []),
    },
    assetsInlineLimit: 0,
  },
  worker: { format: "es", plugins: () => [lettersAsFile()] },
  plugins: [enginePlaces(), engineFactsAsData(), copyFiles(), serviceWorker()],
});
