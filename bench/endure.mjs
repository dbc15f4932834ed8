// Whether signals at random moments, full disks and folders that vanish lose anything, and the memory of a long run. The tests of
// packages/node/test/endure, in 100 rounds instead of a few. Records the figures in results/endure.json.
//   node bench/endure.mjs                  all of them, which takes about half an hour
//   node bench/endure.mjs memory kill      only these test files
//   --only merge                           only the tests with this in their name
//   --rounds 20                            instead of 100
//   --seed 1                               instead of the seeds in the tests
//   --add                                  adds the counts to the recorded ones: the rounds of several calls, each with another seed
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { facts, root } from "./measure.mjs";
import { readResults, saveResults } from "./results.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "100" },
    seed: { type: "string" },
    add: { type: "boolean", default: false },
  },
});
const tests = "packages/node/test/endure";
const files = positionals.length === 0 ? [tests] : positionals.map((name) => `${tests}/${name}.test.ts`);
const folder = mkdtempSync(join(tmpdir(), "whybox-bench-"));
const figures = join(folder, "figures.jsonl");
const env = { ...process.env, WHYBOX_ROUNDS: values.rounds, WHYBOX_FIGURES: figures };
if (values.seed !== undefined) env.WHYBOX_SEED = values.seed;
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const only = values.only === undefined ? [] : ["--testNamePattern", values.only];
const argv = [vitest, "run", ...files, ...only, "--maxWorkers", "1"];
const { status } = spawnSync(process.execPath, argv, { cwd: root, env, stdio: "inherit" });
const lines = existsSync(figures) ? readFileSync(figures, "utf8").trim().split("\n") : [];
rmSync(folder, { recursive: true });
const before = readResults("endure.json");
const found = Object.fromEntries(
  lines
    .map((line) => JSON.parse(line))
    .map(([name, value]) => [name, { ...facts(), figures: values.add ? sum(before[name]?.figures, value) : value }]),
);
console.log(JSON.stringify(found, null, 2));
// Figures of a test that failed are not recorded.
if (status === 0) saveResults("endure.json", { ...before, ...found });
process.exitCode = status ?? 1;

/** Adds counts. The memory of a run is no count. */
function sum(before, now) {
  if (before === undefined || Array.isArray(now)) return now;
  if (typeof now === "number") return before + now;
  return Object.fromEntries(Object.entries(now).map(([name, count]) => [name, (before[name] ?? 0) + count]));
}
