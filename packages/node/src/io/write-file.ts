import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { concernsOf, writeError } from "./disk-failure.js";
import { renameFile } from "./rename-file.js";
import { systemErrorCode } from "./system-error.js";

/** Whether a file of this name is an incomplete one. It remains only when its process was killed. */
export function isTemporary(name: string): boolean {
  return /^\.whybox-[0-9a-f]{8}\.tmp$/.test(name);
}

export interface ReplaceOptions {
  /** The folder for the incomplete file, on the same disk. Default: the folder of the file. */
  readonly folder?: string;
  /** How to choose another place, for the error. Default: another folder with --out. */
  readonly elsewhere?: string;
}

/**
 * Writes a complete file, or none. `write` fills a temporary file and flushes it to the disk. Then it is renamed to `path`. On failure
 * the temporary file is removed, and an existing file at `path` does not change.
 * @throws output when the file cannot be written. `details.concerns` is "file" when other files in the folder may succeed.
 */
export async function replaceFile(
  path: string,
  write: (temporary: string) => Promise<void>,
  { folder = dirname(path), ...options }: ReplaceOptions = {},
): Promise<void> {
  // A short name, so that a long file name stays valid. A hidden one, so that globs do not match it.
  const temporary = join(folder, `.whybox-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await write(temporary);
    await renameFile(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is reported
    const details = { file: path, concerns: concernsOf(cause) };
    throw writeError(`Cannot write ${basename(path)} in ${dirname(path)}`, cause, { ...options, details });
  }
}

/** Writes a complete file, or none. @throws output, as `replaceFile`. */
export function writeFileSafely(
  path: string,
  bytes: Uint8Array | string,
  folder: string = dirname(path),
): Promise<void> {
  return replaceFile(path, (temporary) => writeFlushed(temporary, bytes), { folder });
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

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync().finally(() => file.close());
}

/** Flushes a folder to the disk: the name of a new file is durable only after its folder is flushed. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open folders
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems have no such operation. They decide themselves when a name is durable.
    if (!["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(systemErrorCode(error))) throw error;
  } finally {
    await folder.close();
  }
}
