// Builds the script and the style of `whybox report`'s pages into packages/node/dist/page-report, one file each, to be written into every page.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "vite";
import { newest } from "./newest.mjs";

const here = resolve(import.meta.dirname, "..");
const root = resolve(here, "../..");
const outDir = join(root, "packages/node/dist/page-report");

const sources = ["src/report", "src/ui/styles/base.css", "scripts", "package.json"].map((name) => join(here, name));
const others = ["packages/node/src/report/format.ts", "packages/core/dist", "package-lock.json"];
const latest = Math.max(...[...sources, ...others.map((name) => join(root, name))].map(newest));
if (newest(join(outDir, "report.js")) < latest) {
  await build({
    configFile: false,
    root: here,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir,
      emptyOutDir: true,
      copyPublicDir: false,
      target: "es2022",
      lib: {
        entry: join(here, "src/report/main.tsx"),
        formats: ["iife"],
        name: "whyboxReport",
        fileName: () => "report.js",
        cssFileName: "report",
      },
    },
  });
  // The page is text in HTML: nothing in the script may look like the end of it.
  const script = join(outDir, "report.js");
  const licences = ["preact", "uplot"].map((name) => {
    const text = readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8").trim();
    return `${name}\n\n${text}`;
  });
  const notice = `/*! This script has in it:\n\n${licences.join("\n\n")}\n*/\n`;
  writeFileSync(script, notice + readFileSync(script, "utf8").replaceAll("</", "<\\/").replaceAll("<!--", "<\\!--"));
}
