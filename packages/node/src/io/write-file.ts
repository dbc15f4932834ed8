import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { concernsOf, explainDiskFailure } from "./disk-failure.js";
import { systemErrorCode } from "./system-error.js";

/**
 * Writes a complete file, or none. It writes a temporary file (by default in the same folder), flushes it to the disk, and
 * renames it to `path`. On failure the temporary file is removed, and an existing file at `path` does not change.
 * @throws output when the file cannot be written. `details.concerns` is "file" when other files in the folder may succeed.
 */
export async function writeFileSafely(
  path: string,
  bytes: Uint8Array | string,
  folder: string = dirname(path),
): Promise<void> {
  // A short name, so that a long file name stays valid. A hidden one, so that globs do not match it.
  const temporary = join(folder, `.whybox-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await writeFlushed(temporary, bytes);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is reported
    const advice = explainDiskFailure(cause, "choose another folder with --out");
    throw new WhyboxError("output", `Cannot write ${basename(path)} in ${dirname(path)}: ${advice}`, {
      details: { file: path, reason: systemErrorCode(cause), concerns: concernsOf(cause) },
      cause,
    });
  }
}

/** Writes a new file and flushes it to the disk. On failure a part of the file may remain. */
export async function writeFlushed(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
