// Builds, unless the files are newer than their sources: dist/files, the engine's worker as one script with ONNX Runtime's files beside it; and
// dist/standalone, the package as scripts without other imports, for pages without a bundler.
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { build } from "vite";
import { newest } from "../../../scripts/newest.mjs";

const here = resolve(import.meta.dirname, "..");
const dist = join(here, "dist");
const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/webgpu"));
const runtimeFiles = ["ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"];
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

const sources = ["src", "scripts", "package.json", "../core/dist", "../../package-lock.json"].map((name) =>
  join(here, name),
);
if (newest(join(dist, "standalone/index.js")) < Math.max(...sources.map(newest))) {
  await bundle("files", { worker: join(dist, "own-worker.js") }, { codeSplitting: false });
  for (const name of runtimeFiles) copyFileSync(join(runtime, name), join(dist, "files", name));
  // The worker contains letters of this font.
  copyFileSync(join(here, "../core/DEJAVU-LICENSE.txt"), join(dist, "files/DEJAVU-LICENSE.txt"));
  await bundle("standalone", { index: join(dist, "index.js"), element: join(dist, "element.js") }, {});
}

/** Bundles scripts into a folder of dist. The module that finds the files stays outside, because their places are relative to it. */
async function bundle(folder, input, output) {
  rmSync(join(dist, folder), { recursive: true, force: true });
  mkdirSync(join(dist, folder), { recursive: true });
  await build({
    root: here,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    // ONNX Runtime's WebAssembly is a file of its own. The entry with inline WebAssembly loader would be loaded twice.
    resolve: {
      conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production", "import", "default"],
    },
    define: { __WHYBOX_VERSION__: JSON.stringify(version) },
    build: {
      outDir: join(dist, folder),
      target: "es2022",
      modulePreload: false,
      copyPublicDir: false,
      chunkSizeWarningLimit: 1000,
      rolldownOptions: {
        input,
        external: (id) => /[/\\]places\.js$/.test(id),
        preserveEntrySignatures: "strict",
        output: {
          entryFileNames: "[name].js",
          chunkFileNames: "[name]-[hash].js",
          paths: (id) => (/[/\\]places\.js$/.test(id) ? "../places.js" : id),
          ...output,
        },
        checks: { ineffectiveDynamicImport: false },
      },
    },
  });
}
