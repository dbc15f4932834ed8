import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { concernsOf, explainDiskFailure } from "../io/disk-failure.js";
import { systemErrorCode } from "../io/system-error.js";

/** Number of bytes to collect before each write. */
const CHUNK = 2 ** 20;

/**
 * Writes a long file part by part: a complete file, or none. It writes a temporary file in the same folder, flushes it, and renames
 * it. It creates the folder.
 * @throws output when the file cannot be written; errors of `parts`. On failure no file remains.
 */
export async function writeParts(
  path: string,
  parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.whybox-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await orOutputError(path, () => mkdir(folder, { recursive: true }));
    const file = await orOutputError(path, () => open(temporary, "wx"));
    try {
      let held: Uint8Array[] = [];
      let size = 0;
      const flush = async () => {
        const bytes = Buffer.concat(held);
        [held, size] = [[], 0];
        await orOutputError(path, () => file.appendFile(bytes));
      };
      for await (const part of parts) {
        const bytes = typeof part === "string" ? Buffer.from(part) : part;
        held.push(bytes);
        size += bytes.length;
        if (size >= CHUNK) await flush();
      }
      await flush();
      await orOutputError(path, () => file.sync());
    } finally {
      await file.close();
    }
    await orOutputError(path, () => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is reported
    throw error;
  }
}

async function orOutputError<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const advice = explainDiskFailure(cause, "choose another folder with --out");
    throw new WhyboxError("output", `Cannot write ${basename(path)} in ${dirname(path)}: ${advice}`, {
      details: { file: path, reason: systemErrorCode(cause), concerns: concernsOf(cause) },
      cause,
    });
  }
}
