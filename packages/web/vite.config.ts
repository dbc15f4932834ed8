import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";
import * as engineFacts from "./src/controller/engine-facts.js";

const here = import.meta.dirname;
/** Inside the package that ships the page: `whybox ui` serves it from there. */
const outDir = resolve(here, "../node/dist/page");
const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/webgpu"));
const runtimeFiles = ["ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"];
const { version: packageVersion } = JSON.parse(readFileSync(join(here, "package.json"), "utf8")) as { version: string };
const photos = ["dog.jpg", "chelsea.png", "coffee.png"];

/** ONNX Runtime's own files and the sample photos go beside the page, under names that stay. */
function copyFiles(): Plugin {
  const copyAll = (folder: string, from: string, names: readonly string[]) => {
    mkdirSync(join(outDir, folder), { recursive: true });
    for (const name of names) copyFileSync(join(from, name), join(outDir, folder, name));
  };
  return {
    name: "copy-files",
    apply: "build",
    writeBundle() {
      copyAll("ort", runtime, runtimeFiles);
      copyAll("photos", resolve(here, "../../fixtures/photos"), photos);
    },
  };
}

/** The service worker with the list of everything that the page needs offline; another list is another version. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle(_, bundle) {
      const built = Object.keys(bundle).filter((name) => !name.endsWith(".map"));
      const copied = [...runtimeFiles.map((name) => `ort/${name}`), ...photos.map((name) => `photos/${name}`)];
      const files = [
        "./",
        ...built.filter((name) => name !== "index.html"),
        ...copied,
        "icon.svg",
        "manifest.webmanifest",
      ];
      const hash = createHash("sha256");
      for (const part of Object.values(bundle)) hash.update(part.type === "chunk" ? part.code : part.source);
      for (const name of runtimeFiles) hash.update(readFileSync(join(runtime, name)).subarray(0, 65_536));
      const version = hash.digest("hex").slice(0, 16);
      const source = readFileSync(join(here, "src/service-worker.js"), "utf8")
        .replace('"__VERSION__"', JSON.stringify(version))
        .replace("__FILES__", JSON.stringify(files));
      this.emitFile({ type: "asset", fileName: "service-worker.js", source });
    },
  };
}

/** What the page tells of the methods is worked out here: their numerics run in the worker only. */
function engineFactsAsValues(): Plugin {
  const values = Object.entries(engineFacts).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`);
  return {
    name: "engine-facts",
    apply: "build",
    load: { filter: { id: /controller\/engine-facts\.ts$/ }, handler: () => values.join("\n") },
  };
}

export default defineConfig({
  root: here,
  base: "./",
  // The runtime's WebAssembly lies beside the page; the entry that carries it inline would double the script.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production", "import", "default"] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: { __WHYBOX_VERSION__: JSON.stringify(packageVersion) },
  build: { outDir, emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  worker: { format: "es" },
  plugins: [engineFactsAsValues(), copyFiles(), serviceWorker()],
});
