// A search for files that break a reader, guided by coverage: one process for each target, with a watchdog.
import { fork } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { signatureOf } from "./case.mjs";

/** A case that takes so long has failed. */
const WATCHDOG_MS = 30_000;

/** Searches all targets for `seconds` in all. Returns a row of figures for each, and the failures; their files are saved in `folder`. */
export async function searchAll({ targets, seed, seconds, jobs, folder }) {
  mkdirSync(join(folder, "found"), { recursive: true });
  const rows = {};
  const failures = [];
  const left = [...targets];
  const each = (seconds * Math.min(jobs, targets.length)) / targets.length;
  const work = async () => {
    for (let target = left.shift(); target !== undefined; target = left.shift()) {
      const { figures, found } = await searchOne({ target: target.name, seed, seconds: each, folder });
      rows[target.name] = figures;
      failures.push(...found);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { rows, failures };
}

/** Searches one target, in a new process after one that ended or hung. */
async function searchOne({ target, seed, seconds, folder }) {
  const figures = { files: 0, blocks: 0, kept: 0, failures: 0 };
  const found = [];
  const end = performance.now() + seconds * 1000;
  for (let attempt = 0; attempt === 0 || end - performance.now() > 2000; attempt++) {
    const left = attempt === 0 ? seconds : (end - performance.now()) / 1000;
    const result = await searchOnce({ target, seed: seed + attempt * 1000, seconds: left, folder });
    found.push(...result.found);
    figures.files += result.count;
    figures.blocks = Math.max(figures.blocks, result.blocks);
    figures.kept += result.kept;
    if (result.done) break;
  }
  figures.failures = found.length;
  return { figures, found };
}

function searchOnce({ target, seed, seconds, folder }) {
  const current = join(folder, `${target}.current`);
  const saved = join(folder, "found");
  const state = { found: [], count: 0, blocks: 0, kept: 0, done: false, name: "" };
  return new Promise((resolve) => {
    const child = fork(
      join(import.meta.dirname, "search-child.mjs"),
      [seed, seconds, target, join(folder, "kept", target), current, saved].map(String),
      { execArgv: ["--expose-gc", "--max-old-space-size=2048"], stdio: ["ignore", "ignore", "pipe", "ipc"] },
    );
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr = `${stderr}${text}`.slice(-2000);
    });
    /** The child saves the files that it can judge. One that ends or hangs it is the file that it wrote last. */
    const lost = (outcome, detail) => {
      const path = join(saved, `${target}-${seed}-${outcome}.bin`);
      if (existsSync(current)) copyFileSync(current, path);
      state.found.push({ target, outcome, detail, name: state.name, path, signature: signatureOf(detail) });
    };
    let timer;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        lost("hang", `no answer in ${WATCHDOG_MS / 1000} s`);
        child.kill("SIGKILL");
      }, WATCHDOG_MS);
    };
    watch();
    child.on("message", ({ failure, ...news }) => {
      watch();
      Object.assign(state, news);
      if (failure !== undefined) state.found.push(failure);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      const isLost =
        !state.done && !state.found.some(({ outcome, path }) => outcome === "hang" && path.endsWith("hang.bin"));
      if (isLost) lost("bug", `the process ended with ${signal ?? `code ${code}`}: ${stderr.slice(-1500)}`);
      resolve(state);
    });
  });
}
