import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { concernsOf, explainDiskFailure } from "./disk-failure.js";
import { systemErrorCode } from "./system-error.js";

/**
 * Writes a file whole or not at all: into a temporary file, by default of the same folder, flushed to the disk, then renamed over
 * `path`. On failure the temporary file is removed and what was at `path` stays.
 * @throws output when the disk or the folder does not take it; `details.concerns` is "file" when others may succeed there.
 */
export async function writeFileSafely(
  path: string,
  bytes: Uint8Array | string,
  folder: string = dirname(path),
): Promise<void> {
  // Short, so that a long file name does not become too long; hidden, so that globs pass over it.
  const temporary = join(folder, `.whybox-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await writeFlushed(temporary, bytes);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to tell
    const advice = explainDiskFailure(cause, "choose another folder with --out");
    throw new WhyboxError("output", `Could not write ${basename(path)} in ${dirname(path)}: ${advice}`, {
      details: { file: path, reason: systemErrorCode(cause), concerns: concernsOf(cause) },
      cause,
    });
  }
}

/** Writes a new file down to the disk; on failure a part of it may stay. */
export async function writeFlushed(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
