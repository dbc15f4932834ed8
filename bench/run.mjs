// Measures what an explanation costs over a plain forward pass: medians of interleaved runs, every heatmap read.
//   npm run bench                            all of it (some minutes); saves results/explain.json and the tables of the docs
//   npm run bench -- --against FOLDER        beside another checkout that is built, in turns within this process
//   npm run bench -- --only NAME             one part, or several with the same first word; repeatable, saved into the other results
//   npm run bench -- --quick                 few repetitions, nothing saved
//   npm run bench -- --reference FOLDER      also a checkpoint's graph over its official export (bench/torch.mjs)
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { facts, quick, root } from "./measure.mjs";
import { measurePart, printPart } from "./measure-part.mjs";
import { parts } from "./parts/index.mjs";
import { readResults, saveResults } from "./results.mjs";

const CHECKPOINTS = "checkpoints";
const { values: flags } = parseArgs({
  options: {
    against: { type: "string" },
    only: { type: "string", multiple: true },
    quick: { type: "boolean" },
    reference: { type: "string" },
  },
});
const asked = (name) => flags.only === undefined || flags.only.some((only) => `${name} `.startsWith(`${only} `));
const chosen = parts.filter(({ name }) => asked(name));
if (chosen.length === 0 && !asked(CHECKPOINTS)) {
  const names = [...parts.map(({ name }) => name), CHECKPOINTS].join(", ");
  throw new Error(`No part "${flags.only.join('", "')}". Expected ${names}.`);
}

const sideOf = async (folder) => ({
  root: folder,
  api: await import(pathToFileURL(join(folder, "packages/node/dist/index.js")).href),
});
const sides = { now: await sideOf(root) };
if (flags.against !== undefined) sides.before = await sideOf(resolve(flags.against));

const results = { parts: readResults("explain.json").parts ?? {} };
for (const part of chosen) {
  const measured = { ...facts(), ...(await measurePart(part, sides)) };
  printPart(part, measured);
  if (quick) continue;
  // After each part, so that a run that is stopped loses nothing.
  const others = { ...results.parts, [part.name]: measured };
  results.parts = Object.fromEntries(parts.flatMap(({ name }) => (others[name] ? [[name, others[name]]] : [])));
  saveResults("explain.json", results);
}
if (asked(CHECKPOINTS)) {
  // In a process of its own, with the options of this one that it knows.
  const own = [...(quick ? ["--quick"] : []), ...(flags.reference ? ["--reference", flags.reference] : [])];
  const { status } = spawnSync(process.execPath, [join(root, "bench/torch.mjs"), ...own], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}
