import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";

/**
 * Writes a file whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed over
 * `path`. On failure the temporary file is removed and what was at `path` stays.
 * @throws output when the disk or the folder does not take it.
 */
export async function writeFileSafely(path: string, bytes: Uint8Array | string): Promise<void> {
  // Short, so that a long file name does not become too long; hidden, so that globs pass over it.
  const temporary = join(dirname(path), `.whybox-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await writeFlushed(temporary, bytes);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to tell
    throw outputError(path, cause);
  }
}

async function writeFlushed(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What each failure means and what to do about it. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "the disk is full. Free some space, or choose another folder with --out"],
  ["EDQUOT", "your disk quota is used up. Free some space, or choose another folder with --out"],
  ["EACCES", "writing there is not permitted. Change the permissions, or choose another folder with --out"],
  ["EPERM", "writing there is not permitted. Change the permissions, or choose another folder with --out"],
  ["EROFS", "the file system is read-only. Choose another folder with --out"],
  ["ENOENT", "the folder does not exist. Create it, or choose another one with --out"],
  ["ENOTDIR", "a part of the path is a file, not a folder. Choose another folder with --out"],
  ["EEXIST", "a file is in the way. Remove it, or choose another folder with --out"],
  ["EISDIR", "a folder is in the way. Remove it, or choose another folder with --out"],
  ["ENAMETOOLONG", "the name is too long for this file system. Rename the source, or choose another folder with --out"],
  ["EMFILE", "too many files are open. Raise the limit (ulimit -n)"],
]);

function outputError(path: string, cause: unknown): WhyboxError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const reason = ADVICE.get(code) ?? `${message}. Choose another folder with --out`;
  return new WhyboxError("output", `Could not write ${basename(path)} in ${dirname(path)}: ${reason}.`, {
    details: { file: path, reason: code },
    cause,
  });
}
