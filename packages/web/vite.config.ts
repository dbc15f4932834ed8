import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";
import { copyFiles } from "./plugins/copy-files.js";
import { engineFactsAsData, kernelsAsFile, lettersAsFile } from "./plugins/data-as-files.js";
import { engineWorker, plainImports } from "./plugins/engine-worker.js";
import { minifyScripts } from "./plugins/minify.js";
import { outDir, packageFolder } from "./plugins/places.js";
import { sentencesAsFile } from "./plugins/sentences.js";
import { serviceWorker } from "./plugins/service-worker.js";
import { withoutUnread } from "./plugins/unread.js";

const facts = readFileSync(join(packageFolder, "package.json"), "utf8");
const { version: packageVersion } = JSON.parse(facts) as { version: string };

export default defineConfig({
  root: packageFolder,
  base: "./",
  // The runtime's WebAssembly lies beside the page; the entry that carries it inline would double the script.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production", "import", "default"] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: { __WHYBOX_VERSION__: JSON.stringify(packageVersion) },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    minify: false,
    cssMinify: true,
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_, names, { hostType }) => (hostType === "html" ? names : []),
    },
    assetsInlineLimit: 0,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "common", minShareCount: 2 }] } } },
  },
  plugins: [
    engineWorker(),
    plainImports(),
    withoutUnread(),
    sentencesAsFile(),
    kernelsAsFile(),
    lettersAsFile(),
    engineFactsAsData(),
    minifyScripts(),
    copyFiles(),
    serviceWorker(),
  ],
});
