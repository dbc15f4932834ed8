// Builds the script and the style of the page into dist/page, as one file each. `whybox report` writes both into every page.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "vite";
import { newest } from "../../../scripts/newest.mjs";

const here = resolve(import.meta.dirname, "..");
const root = resolve(here, "../..");
const outDir = join(here, "dist/page");

const sources = ["page", "src", "styles", "scripts", "package.json"].map((name) => join(here, name));
const others = ["packages/core/dist", "package-lock.json"].map((name) => join(root, name));
const latest = Math.max(...[...sources, ...others].map(newest));
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
        entry: join(here, "page/main.tsx"),
        formats: ["iife"],
        name: "whyboxReport",
        fileName: () => "report.js",
        cssFileName: "report",
      },
    },
  });
  // The script is inlined in HTML, so it must not contain the end of a script element.
  const script = join(outDir, "report.js");
  const licences = ["preact", "uplot"].map((name) => {
    const text = readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8").trim();
    return `${name}\n\n${text}`;
  });
  const notice = `/*! This script contains:\n\n${licences.join("\n\n")}\n*/\n`;
  writeFileSync(script, notice + readFileSync(script, "utf8").replaceAll("</", "<\\/").replaceAll("<!--", "<\\!--"));
}
