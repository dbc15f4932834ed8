// Reads damaged files: mutated ones by number, or what a coverage-guided search finds. See CONTRIBUTING.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { facts } from "../bench/measure.mjs";
import { FAILURES, judge } from "./case.mjs";
import { root } from "./corpus.mjs";
import { searchAll } from "./guided.mjs";
import { readMutated } from "./mutated.mjs";
import { filesOf, targets } from "./targets.mjs";

const HELP = `npm run fuzz -- --minutes N [--target NAME] [--seed N]   search for files that break a reader, guided by coverage
npm run fuzz -- --mutated N [--target NAME] [--seed N]   read N mutated files; --from N starts later, --seconds N stops earlier,
                                                         --save adds to bench/results/fuzz.json and goes on where it ends
npm run fuzz -- --replay FILE --target NAME              read one file again; --as NAME gives the name of its sound file
Targets: ${targets.map(({ name }) => name).join(", ")}; several with commas. Failures are saved in .fuzz.`;

const { values } = parseArgs({
  options: {
    ...{ minutes: { type: "string" }, mutated: { type: "string" }, replay: { type: "string" } },
    ...{ target: { type: "string" }, seed: { type: "string", default: "1" }, from: { type: "string", default: "0" } },
    ...{ seconds: { type: "string" }, jobs: { type: "string" }, folder: { type: "string" }, as: { type: "string" } },
    ...{ save: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  },
});
const number = (name, otherwise) => {
  const value = values[name] === undefined ? otherwise : Number(values[name]);
  if (!(value >= 0)) throw new Error(`--${name} is ${values[name]}; expected a number.`);
  return value;
};
const seed = number("seed");
const jobs = number("jobs", Math.min(2, availableParallelism()));
const folder = values.folder ?? join(root, ".fuzz");
const asked = values.target?.split(",") ?? targets.map(({ name }) => name);
const chosen = asked.map((name) => {
  const found = targets.find((target) => target.name === name);
  if (found === undefined) throw new Error(`No target ${name}. Targets: ${targets.map((one) => one.name).join(", ")}.`);
  return found;
});

if (values.replay !== undefined) await replay();
else if (values.mutated !== undefined) await mutated();
else if (values.minutes !== undefined) await search();
else console.log(HELP);

async function replay() {
  const [target] = chosen;
  const bytes = new Uint8Array(readFileSync(values.replay));
  const name = values.as ?? (await filesOf(target))[0].name;
  console.log(await judge({ target, name, bytes }));
}

async function mutated() {
  const path = join(root, "bench/results/fuzz.json");
  const kept = values.save && existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
  const before = kept?.seed === seed ? kept.targets : {};
  const to = number("mutated");
  const next = (name) => (values.save ? (before[name]?.next ?? 0) : number("from"));
  const from = Object.fromEntries(chosen.map(({ name }) => [name, next(name)]));
  // Earlier failures are read again, since they may be mended.
  const failed = (name) => (values.save ? (before[name]?.failures ?? []) : []);
  const again = chosen.flatMap(({ name }) => failed(name).map((one) => one.number));
  const { read, failures } = await readMutated({
    seed,
    again,
    from,
    to,
    seconds: number("seconds", 1e6),
    jobs,
    folder,
  });
  const { commit, node, cpu, date } = facts();
  const all = { ...before };
  for (const [name, { next, counts }] of Object.entries(read)) {
    const { counts: earlier = {}, commits = [] } = before[name] ?? {};
    const gone = Object.fromEntries(
      FAILURES.map((kind) => [kind, -failed(name).filter(({ outcome }) => outcome === kind).length]),
    );
    const now = failures.filter(({ target }) => target === name).map(({ number, outcome }) => ({ number, outcome }));
    const found = sum(sum(earlier, gone), counts);
    all[name] = { next, commits: [...new Set([...commits, commit])], counts: found, failures: now };
  }
  printCounts(all);
  console.log(`Seed ${seed}, files up to ${to}.`);
  if (values.save)
    writeFileSync(path, `${JSON.stringify({ seed, files: to, date, node, cpu, targets: all }, null, 2)}\n`);
  report(failures);
}

async function search() {
  const seconds = number("minutes") * 60;
  const { rows, failures } = await searchAll({ targets: chosen, seed, seconds, jobs, folder });
  console.table(rows);
  console.log(`Seed ${seed}.`);
  report(failures);
}

function sum(a, b) {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].sort().map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
}

function printCounts(all) {
  const rows = Object.entries(all).map(([name, { counts }]) => {
    const files = Object.values(counts).reduce((total, count) => total + count, 0);
    return [name, { files, bug: 0, hang: 0, memory: 0, ...counts }];
  });
  console.table(Object.fromEntries(rows));
}

/** Prints each kind of failure once, with the files that have it. The exit code is 1 if there is one. */
function report(failures) {
  const kinds = groupBy(failures);
  for (const [signature, all] of kinds) {
    const [{ outcome, target, path, name, detail }] = all;
    console.log(`\n${outcome} (${all.length}): ${signature}\n${detail}`);
    console.log(`npm run fuzz -- --target ${target} --as ${basename(name)} --replay ${path}`);
  }
  if (failures.length > 0) process.exitCode = 1;
}

function groupBy(failures) {
  const kinds = new Map();
  for (const one of failures) kinds.set(one.signature, [...(kinds.get(one.signature) ?? []), one]);
  return kinds;
}
