// Shared by the benchmarks: what is measured, in turns, as medians.
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";

export const root = resolve(import.meta.dirname, "..");
export const quick = process.argv.includes("--quick");
export const repeats = quick ? 3 : 15;
export const threads = availableParallelism();
/** Calls that take longer are repeated less often: a long call averages its own noise. Milliseconds. */
const LONG = 3000;
const VERY_LONG = 10_000;
/** Longer than threads spin on after a run. Milliseconds. */
const PAUSE = 150;

/** The commit that last changed the sources of a checkout, and whether they differ from it. */
export function commitOf(folder) {
  const sources = ["--", "packages/*/src/*", "packages/*/bin/*", "package-lock.json"];
  const git = (...args) => execFileSync("git", ["-C", folder, ...args], { encoding: "utf8", stdio: "pipe" }).trim();
  try {
    const changed = git("status", "--porcelain", ...sources) !== "";
    return `${git("log", "-1", "--format=%h", ...sources)}${changed ? " with changes" : ""}`;
  } catch {
    return "unknown";
  }
}

export const facts = () => ({
  date: new Date().toISOString().slice(0, 10),
  commit: commitOf(root),
  node: process.version,
  threads,
  cpu: cpus()[0]?.model,
});

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
export const ratio = (value) => Number(value.toFixed(3));

export async function timed(action) {
  const start = performance.now();
  const value = await action();
  return { ms: performance.now() - start, value };
}

/** Reads every heatmap of a result, in image pixels: they are computed when they are first read. */
export function readHeatmaps(result) {
  const heatmaps = [result.heatmap, ...result.maps.map(({ heatmap }) => heatmap)];
  for (const { data } of heatmaps) {
    if (!(data[0] >= 0)) throw new Error(`A heatmap starts with ${data[0]}. Expected a number from 0 to 1.`);
  }
  return result;
}

function repeatsOf(ms) {
  if (quick) return ms > LONG ? 1 : repeats;
  return ms > LONG ? Math.max(3, Math.min(repeats, Math.floor((repeats * LONG) / ms))) : repeats;
}

/** Calls an action until it is warm: twice, a long one once, a very long one not at all. Returns how often it is then repeated. */
async function warmUp(action, times) {
  let { ms } = await timed(action);
  if (ms > VERY_LONG) times.push(ms);
  else if (ms <= LONG) ({ ms } = await timed(action));
  return repeatsOf(ms);
}

/**
 * Median milliseconds of each action, run in turns so that a noisy machine is noisy for all. Every other round goes backwards, so that none
 * always follows the same. A pause lies before each, so that the threads of the one before, which spin on for a while, do not slow it down.
 */
export async function interleaved(actions) {
  const runs = [];
  for (const [name, action] of Object.entries(actions)) {
    const times = [];
    runs.push({ name, action, times, count: await warmUp(action, times) });
  }
  for (let i = 1; i <= repeats; i++) {
    // Actions that are repeated less often are spread over the rounds.
    const due = ({ times, count }) => times.length < Math.ceil((i * count) / repeats);
    for (const run of i % 2 ? runs : runs.toReversed()) {
      if (!due(run)) continue;
      await setTimeout(PAUSE);
      run.times.push((await timed(run.action)).ms);
    }
  }
  return {
    ms: Object.fromEntries(runs.map(({ name, times }) => [name, median(times)])),
    counts: Object.fromEntries(runs.map(({ name, times }) => [name, times.length])),
  };
}

export function print(title, rows) {
  console.log(`\n${title}`);
  for (const [name, value] of Object.entries(rows)) console.log(`  ${name.padEnd(60)} ${value}`);
}
