// The recorded results, and the tables of the docs that are written from them.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./measure.mjs";
import { renderTables } from "./tables.mjs";

const fileOf = (name) => join(root, "bench/results", name);
const PAGES = ["bench/README.md", "docs/architecture.md", "docs/faithfulness.md"];

export function readResults(name) {
  return existsSync(fileOf(name)) ? JSON.parse(readFileSync(fileOf(name), "utf8")) : {};
}

/** Writes a file of results, and rewrites the tables of the docs. */
export function saveResults(name, results) {
  writeFileSync(fileOf(name), `${JSON.stringify(results, null, 2)}\n`);
  writeTables();
  console.log(`\nSaved to ${fileOf(name)}`);
}

export function writeTables() {
  for (const { path, fresh } of renderPages()) writeFileSync(path, fresh);
}

/** The pages with tables: as they are, and as the recorded results make them. */
export function renderPages() {
  return PAGES.map((page) => {
    const path = join(root, page);
    const text = readFileSync(path, "utf8");
    return { path, text, fresh: renderTables(text, readResults) };
  });
}
