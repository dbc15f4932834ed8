import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRunning } from "../io/is-running.js";

/** Minimum age for removing a folder of another machine (in a shared home folder). */
const MAX_AGE_MS = 24 * 60 * 60 * 1000;

const NAME = /^\.download-(.+)-(\d+)-[0-9a-f]{8}$/;

/**
 * Calls `work` with a new folder below `parent` and removes the folder afterwards, also on failure. First it removes folders
 * that killed processes left there.
 */
export async function withTemporaryFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent);
  const folder = join(parent, `.download-${host()}-${process.pid}-${randomUUID().slice(0, 8)}`);
  await mkdir(folder);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (await isLeftover(name, path)) await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function isLeftover(name: string, path: string): Promise<boolean> {
  const [, owner, pid] = NAME.exec(name) ?? [];
  if (owner === undefined || pid === undefined) return false;
  if (owner === host()) return !isRunning(Number(pid));
  const entry = await stat(path).catch(() => undefined); // another process may have removed it
  return entry !== undefined && Date.now() - entry.mtimeMs > MAX_AGE_MS;
}

function host(): string {
  return hostname()
    .replaceAll(/[^\w.]/g, "_")
    .slice(0, 64);
}
