// Builds the page into packages/node/dist/page, unless the existing build is newer than all its sources.
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "vite";
import { newest } from "../../../scripts/newest.mjs";

const here = resolve(import.meta.dirname, "..");
const root = resolve(here, "../..");
const page = join(root, "packages/node/dist/page");

const sources = ["src", "public", "scripts", "plugins", "index.html", "vite.config.ts", "package.json"].map((name) =>
  join(here, name),
);
const others = [
  "packages/core/dist",
  "packages/browser/dist",
  "packages/report/src",
  "packages/report/styles",
  "package-lock.json",
];
const made = statSync(join(page, "service-worker.js"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const latest = Math.max(...[...sources, ...others.map((name) => join(root, name))].map(newest));
if (made < latest) await build({ configFile: join(here, "vite.config.ts"), logLevel: "warn" });
