// One mutated file: made from a seed and a number, read, and judged.
import { readFileSync, writeFileSync } from "node:fs";
import { WhyboxError } from "whybox";
import { Chance } from "./chance.mjs";
import { chooseFile } from "./corpus.mjs";
import { filesOf, targets } from "./targets.mjs";

/** Codes of errors whose fault is in the file. `runtime`: ONNX Runtime refused the model. */
const REFUSALS = new Set(["bad-input", "unsupported-model", "limit", "no-gradient", "runtime"]);
/** What a file may cost to open, or to explain. Memory: three times its bytes, and this much. */
const MAX_CPU_MS = { explain: 10_000, other: 1000 };
const MAX_MEMORY = 64 * 2 ** 20;

/** Outcomes that must not be. */
export const FAILURES = ["bug", "hang", "memory"];

const shares = targets.flatMap((target) => Array(target.share).fill(target));

/** The target of case `number`: its share of each hundred. */
export const targetOf = (number) => shares[number % shares.length];

/** Case `number` of a seed: a sound file of its target with one to three changes. */
export async function makeCase(seed, number, target = targetOf(number)) {
  const chance = new Chance(seed, number);
  const file = chooseFile(chance, await filesOf(target));
  let { bytes } = file;
  for (let left = chance.pick([1, 1, 1, 2, 3]); left > 0; left--) bytes = target.mutate(chance, bytes, file.name);
  return { target, name: file.name, bytes };
}

/** Reads a case. `outcome` is "opened", "refused: CODE" or "bug"; "hang" and "memory" if it costs more than `slack` times what it may. */
export async function judge({ target, name, bytes }, slack = 1) {
  const size = bytes.length;
  if (process.memoryUsage().heapUsed > 250 * 2 ** 20) globalThis.gc?.();
  const before = resetPeak();
  const started = process.cpuUsage();
  const found = await outcomeOf(() => target.run(bytes.slice(), name));
  const { user, system } = process.cpuUsage(started);
  const cpu = (user + system) / 1000;
  const memory = peak() - before;
  if (found.outcome === "bug") return found;
  if (cpu > slack * (MAX_CPU_MS[target.name] ?? MAX_CPU_MS.other))
    return { outcome: "hang", detail: `${Math.round(cpu)} ms of ${name}: ${found.detail ?? found.outcome}` };
  if (memory > slack * (3 * size + MAX_MEMORY)) {
    return {
      outcome: "memory",
      detail: `${Math.round(memory / 2 ** 20)} MB for ${size} bytes of ${name}: ${found.detail ?? found.outcome}`,
    };
  }
  return found;
}

async function outcomeOf(read) {
  try {
    await read();
    return { outcome: "opened" };
  } catch (error) {
    const { code, cause } = error instanceof WhyboxError ? error : {};
    // A bug of the code around the runtime must not pass as the runtime's refusal.
    const isBug = code === "runtime" && [TypeError, RangeError, ReferenceError].some((kind) => cause instanceof kind);
    if (REFUSALS.has(code) && !isBug) return { outcome: `refused: ${code}`, detail: error.message };
    return {
      outcome: "bug",
      detail: `${code ?? ""} ${isBug ? cause.stack : (error?.stack ?? error)}`.trim().slice(0, 3000),
    };
  }
}

/** Resets the peak of this process's memory and returns its memory now. Only Linux can; elsewhere the memory after a case counts. */
function resetPeak() {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    return process.memoryUsage.rss();
  }
  return statusBytes("VmRSS");
}

function peak() {
  try {
    return statusBytes("VmHWM");
  } catch {
    return process.memoryUsage.rss();
  }
}

function statusBytes(key) {
  const value = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(value[1]) * 1024;
}

/** What is the same in equal bugs: the kind of error and the first line of ours in its stack. */
export function signatureOf(detail) {
  const [first, ...frames] = detail.split("\n");
  const own = frames
    .find((line) => line.includes("/packages/") && !line.includes("/errors."))
    ?.replace(/^.*\/packages\//, "")
    .replace(/\)$/, "");
  return `${first
    .replace(/"[^"]*"/g, '"…"')
    .replace(/\d+/g, "#")
    .slice(0, 120)} @ ${own ?? "?"}`;
}
