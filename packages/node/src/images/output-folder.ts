import { mkdir, open, readdir, rmdir, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import { writeError } from "../io/disk-failure.js";
import { isFolder } from "../io/exists.js";
import { systemErrorCode } from "../io/system-error.js";

export interface OutputFolder {
  /** Absolute path. The folder exists and is writable. */
  readonly path: string;
  /** Names of the files that existed before. */
  readonly existing: readonly string[];
  /** Removes the folders that this run created, if they are empty. */
  discardIfEmpty(): Promise<void>;
}

/** Parent of the numbered run folders, relative to the current folder. */
export const defaultOutputParent = join("runs", "explain");

const maxRuns = 100_000;

/**
 * Creates a new folder: `exp`, `exp2`, `exp3`, … in `parent`. A single mkdir creates it, so two commands that start at the same
 * time never share a folder.
 * @throws output when it cannot be created.
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
  throw new WhyboxError(
    "output",
    `${parent}: all folders from exp to exp${maxRuns} exist. Choose another folder with --out.`,
  );
}

/**
 * Opens the folder of `--out`. It creates a missing folder, and writes a test file, so that an error is reported before the model is
 * loaded.
 * @throws output when the folder cannot be created or is not writable.
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
 * Creates the folder and its parents. Returns the first one that was missing. It does not use mkdir's `recursive`: in Node that
 * never returns when an existing parent refuses entries with ENOENT (/proc).
 */
async function makeFolder(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let folder = resolve(path); !(await isFolder(folder)); folder = dirname(folder)) {
    if (folder === dirname(folder)) break;
    missing.unshift(folder);
  }
  for (const folder of missing) {
    await mkdir(folder).catch((error: unknown) => {
      // Another command may have created it in the meantime. The check below reports a file with this name.
      if (systemErrorCode(error) !== "EEXIST") throw cannotWrite(path, error);
    });
  }
  if (missing.length > 0 && !(await isFolder(path)))
    throw cannotWrite(path, Object.assign(new Error("a file with this name exists"), { code: "ENOTDIR" }));
  return missing[0];
}

/** Removes `path` and its parents up to `first`, as long as they are empty. */
async function discard(path: string, first: string): Promise<void> {
  const last = resolve(first);
  for (let folder = resolve(path); folder.startsWith(last); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      // Not empty or already removed. Other results in the folder must stay.
      return;
    }
  }
}

function cannotWrite(path: string, cause: unknown): WhyboxError {
  const details = { path, code: systemErrorCode(cause) };
  return writeError(`Cannot write results to ${path}`, cause, { details });
}
