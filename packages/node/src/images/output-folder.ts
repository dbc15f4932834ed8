import { mkdir, open, readdir, rmdir, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import { explainDiskFailure } from "../io/disk-failure.js";
import { systemErrorCode } from "../io/system-error.js";

/** Where the results of one run go. */
export interface OutputFolder {
  /** Absolute path; the folder exists and can be written. */
  readonly path: string;
  /** Names of the files that were there before. */
  readonly existing: readonly string[];
  /** Removes the folders that this run made and left empty. */
  discardIfEmpty(): Promise<void>;
}

/** Parent of the numbered run folders, from the current folder. */
export const defaultOutputParent = join("runs", "explain");

const maxRuns = 100_000;

/**
 * A folder that no earlier run used: `exp`, `exp2`, `exp3`, … under `parent`. The folder is made by one mkdir, so two
 * commands started together never share one.
 * @throws output when it cannot be made.
 */
export async function createOutputFolder(parent: string): Promise<OutputFolder> {
  const first = await makeFolder(parent);
  for (let n = 1; n <= maxRuns; n++) {
    const path = join(parent, n === 1 ? "exp" : `exp${n}`);
    try {
      await mkdir(path);
      return { path, existing: [], discardIfEmpty: () => discard(path, first ?? path) };
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw cannotWrite(path, error);
    }
  }
  throw new WhyboxError("output", `${parent}: exp to exp${maxRuns} are all taken. Choose another folder with --out.`);
}

/**
 * The folder given with `--out`, made when missing, and tried with a small file: that it cannot be written must be known
 * before the model is loaded.
 * @throws output when it cannot be made or written.
 */
export async function openOutputFolder(path: string): Promise<OutputFolder> {
  const first = await makeFolder(path);
  const discardIfEmpty = () => (first === undefined ? Promise.resolve() : discard(path, first));
  const probe = join(path, `.whybox-${process.pid}-${Date.now()}`);
  try {
    await (await open(probe, "wx")).close();
    await unlink(probe);
    return { path, existing: await readdir(path), discardIfEmpty };
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * Makes the folder and its parents; returns the first one that was missing. Not by mkdir's `recursive`: in Node it never
 * comes back where a parent exists, but refuses entries with ENOENT (/proc).
 */
async function makeFolder(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let folder = resolve(path); !(await isFolder(folder)); folder = dirname(folder)) {
    if (folder === dirname(folder)) break;
    missing.unshift(folder);
  }
  for (const folder of missing) {
    await mkdir(folder).catch((error: unknown) => {
      // Another command may have made it in the meantime; a file in the way shows with the next step.
      if (systemErrorCode(error) !== "EEXIST") throw cannotWrite(path, error);
    });
  }
  if (missing.length > 0 && !(await isFolder(path)))
    throw cannotWrite(path, Object.assign(new Error("a file is in the way"), { code: "ENOTDIR" }));
  return missing[0];
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** Removes `path` and its parents up to `first`, as long as they are empty. */
async function discard(path: string, first: string): Promise<void> {
  const last = resolve(first);
  for (let folder = resolve(path); folder.startsWith(last); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      // Not empty, or gone already: what is there is somebody's result, so it stays.
      return;
    }
  }
}

function cannotWrite(path: string, cause: unknown): WhyboxError {
  const advice = explainDiskFailure(cause, "choose another folder with --out");
  return new WhyboxError("output", `${path}: results cannot be written to this folder: ${advice}`, {
    details: { path, code: systemErrorCode(cause) },
    cause,
  });
}
