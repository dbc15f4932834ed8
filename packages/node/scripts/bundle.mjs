// Joins the modules of the command and of its threads into a few files in dist/bin, unless these are newer than the modules: Node takes longer
// to load 500 files than to run them. Packages that are not of this repository stay as they are.
import { copyFileSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "vite";
import { newest } from "../../../scripts/newest.mjs";

const here = resolve(import.meta.dirname, "..");
const dist = join(here, "dist");
const out = join(dist, "bin");

const modules = readdirSync(dist).filter((name) => name !== "bin" && name !== "page");
const sources = [
  ...modules.map((name) => join(dist, name)),
  ...["../core/dist", "../report/dist", "scripts", "package.json"].map((name) => join(here, name)),
];
const made = statSync(join(out, "main.js"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (made < Math.max(...sources.map(newest))) {
  await build({
    root: here,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    ssr: { noExternal: [/^@whybox\//] },
    build: {
      ssr: true,
      outDir: out,
      target: "node20.19",
      rolldownOptions: {
        input: {
          "early-worker": join(dist, "runtime/early-worker.js"),
          main: join(dist, "cli/main.js"),
          // The names by which the modules start their threads and processes.
          worker: join(dist, "runtime/worker.js"),
          "run-thread": join(dist, "runs/run-thread.js"),
          "serve-worker": join(dist, "serve/serve-worker.js"),
        },
        output: { entryFileNames: "[name].js", chunkFileNames: "chunk-[hash].js" },
        // A module that one command imports lazily may be in the chunk of another.
        checks: { ineffectiveDynamicImport: false },
      },
    },
  });
  // The bundle contains letters of this font.
  copyFileSync(join(here, "../core/DEJAVU-LICENSE.txt"), join(out, "DEJAVU-LICENSE.txt"));
}
