import { rename } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { systemErrorCode } from "./system-error.js";

/** Pauses between attempts, about two seconds in all. */
const PAUSES_MS = [10, 20, 50, 100, 200, 400, 500, 700];

/** Windows answers this when another program has the file open. */
const inUse: readonly string[] = ["EPERM", "EACCES", "EBUSY"];

/**
 * Renames a file or a folder. Windows refuses it while another program has the file open, as a virus scanner has a new one for a moment,
 * so it is tried again there.
 */
export async function renameFile(
  from: string,
  to: string,
  platform: NodeJS.Platform = process.platform,
): Promise<void> {
  const pauses = platform === "win32" ? PAUSES_MS : [];
  for (const ms of pauses) {
    try {
      return await rename(from, to);
    } catch (error) {
      if (!inUse.includes(systemErrorCode(error))) throw error;
      await setTimeout(ms);
    }
  }
  await rename(from, to);
}
