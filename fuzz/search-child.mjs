// A process that searches one target for fuzz/guided.mjs. A change that reaches new code is kept, and changed further.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FAILURES, judge, signatureOf } from "./case.mjs";
import { Chance } from "./chance.mjs";
import { chooseFile } from "./corpus.mjs";
import { Coverage } from "./coverage.mjs";
import { filesOf, targets } from "./targets.mjs";

/** Coverage makes all code slower, and a process that has read many files needs more memory. */
const SLACK = 4;
/** Files beyond this size are not kept: each case copies its file. */
const MAX_KEPT = 2 ** 20;
const [seed, seconds, targetName, kept, current, saved] = process.argv.slice(2);
const target = targets.find(({ name }) => name === targetName);
const chance = new Chance(Number(seed), 2 ** 40);
const pool = [...(await filesOf(target))];
mkdirSync(kept, { recursive: true });
for (const file of readdirSync(kept)) {
  const [name] = Buffer.from(file.split(".")[1] ?? "", "base64url")
    .toString()
    .split("\n");
  pool.push({ name, bytes: new Uint8Array(readFileSync(join(kept, file))) });
}

const signatures = new Set();
let count = 0;
const sound = pool.length;
const coverage = new Coverage();
for (const { name, bytes } of sample()) await read(name, bytes);
coverage.take();

const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  const { name, bytes } = choose();
  let changed = bytes;
  for (let left = chance.pick([1, 1, 2, 4]); left > 0; left--) changed = target.mutate(chance, changed, name);
  count++;
  const found = await read(name, changed);
  if (FAILURES.includes(found.outcome)) fail(found, name, changed);
  if (coverage.take() > 0 && changed.length <= MAX_KEPT) keep(name, changed);
}
process.send({ done: true, count, blocks: coverage.size, kept: pool.length - sound });
process.disconnect();

/** At most 40 of the sound files, so that a short search does not spend its time on them. */
function sample() {
  return Array.from({ length: Math.min(40, pool.length) }, () => chooseFile(chance, pool));
}

/** Half of the time one of the files that reached new code, and of these rather a late one. */
function choose() {
  if (pool.length === sound || chance.is(0.5)) return chooseFile(chance, pool);
  const found = pool.slice(sound);
  return found[Math.max(chance.below(found.length), chance.below(found.length))];
}

/** Saves one file of each kind of failure. */
function fail(found, name, bytes) {
  const signature = signatureOf(found.detail);
  if (signatures.has(signature)) return;
  signatures.add(signature);
  const path = join(saved, `${targetName}-${seed}-${count}.bin`);
  writeFileSync(path, bytes);
  process.send({ failure: { ...found, target: targetName, name, path, signature } });
}

function keep(name, bytes) {
  pool.push({ name, bytes });
  const hash = createHash("sha1").update(bytes).digest("hex");
  writeFileSync(join(kept, `${hash}.${Buffer.from(name).toString("base64url")}`), bytes);
}

/** The file is written first: if this process ends or hangs, it is what did it. */
async function read(name, bytes) {
  writeFileSync(current, bytes);
  process.send({ name, count });
  return judge({ target, name, bytes }, SLACK);
}
