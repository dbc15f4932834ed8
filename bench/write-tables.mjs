// Rewrites the tables of the docs from the recorded results.
//   node bench/write-tables.mjs
//   node bench/write-tables.mjs --check    exit code 1 when a table is not what the results make
import { renderPages, writeTables } from "./results.mjs";

if (process.argv.includes("--check")) {
  const stale = renderPages().filter(({ text, fresh }) => text !== fresh);
  for (const { path } of stale) console.error(`${path} differs from bench/results: run node bench/write-tables.mjs`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  writeTables();
}
