import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { concernsOf, explainDiskFailure } from "../io/disk-failure.js";
import { systemErrorCode } from "../io/system-error.js";

/** So much is gathered before it goes to the disk. */
const CHUNK = 2 ** 20;

/**
 * Writes a long text or file part by part, whole or not at all: into a temporary file beside it, flushed, then renamed. The folder is made.
 * @throws output when the disk does not take it; whatever the parts throw, with nothing left behind.
 */
export async function writeParts(
  path: string,
  parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.whybox-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await told(path, () => mkdir(folder, { recursive: true }));
    const file = await told(path, () => open(temporary, "wx"));
    try {
      let held: Uint8Array[] = [];
      let size = 0;
      const flush = async () => {
        const bytes = Buffer.concat(held);
        [held, size] = [[], 0];
        await told(path, () => file.appendFile(bytes));
      };
      for await (const part of parts) {
        const bytes = typeof part === "string" ? Buffer.from(part) : part;
        held.push(bytes);
        size += bytes.length;
        if (size >= CHUNK) await flush();
      }
      await flush();
      await told(path, () => file.sync());
    } finally {
      await file.close();
    }
    await told(path, () => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to tell
    throw error;
  }
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const advice = explainDiskFailure(cause, "choose another place with --out");
    throw new WhyboxError("output", `Could not write ${basename(path)} in ${dirname(path)}: ${advice}`, {
      details: { file: path, reason: systemErrorCode(cause), concerns: concernsOf(cause) },
      cause,
    });
  }
}
