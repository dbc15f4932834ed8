import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, open, readdir, readFile, rename, rm, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { WhyboxError } from "@whybox/core";
import { z } from "zod";
import { folderError } from "../io/disk-failure.js";
import { isRunning } from "../io/is-running.js";
import { systemErrorCode } from "../io/system-error.js";
import { isTemporary } from "../io/write-file.js";
import { runFiles } from "./schema.js";

const ownerSchema = z.object({ host: z.string(), pid: z.int(), started: z.string(), id: z.string() });
type Owner = z.infer<typeof ownerSchema>;

/** Interval at which the holder of a lock updates the file's time. */
const BEAT_MS = 5_000;
/** A holder on another machine that has not updated the time for this long counts as gone. */
const STALE_MS = 30_000;
/** Time after which a lock file that was written in place is surely seen with its text. */
const SETTLE_MS = 200;

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called before waiting for a holder on another machine. */
  readonly onWait?: (message: string) => void;
  readonly staleMs?: number;
  readonly host?: string;
}

/** The exclusive right to write a folder. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Locks a folder, so that only this process writes it. The lock of a killed process is taken over: at once on this machine, and
 * after 30 s without an update from another machine.
 * @throws output when another process holds the lock, or the folder cannot be written; aborted.
 */
export async function lockFolder(folder: string, options: LockOptions = {}): Promise<Lock> {
  const path = join(folder, runFiles.lock);
  const host = options.host ?? hostname();
  const mine: Owner = { host, pid: process.pid, started: startOf(process.pid), id: randomUUID() };
  try {
    while (!(await create(path, mine))) {
      const text = await readFile(path, "utf8").catch(() => "");
      if (text !== "" && (await isAlive(path, text, host, options))) throw held(folder, text);
      await removeStale(path, text);
    }
    await tidy(folder);
  } catch (cause) {
    throw folderError(folder, cause);
  }
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      if (ownerOf(await readFile(path, "utf8").catch(() => ""))?.id !== mine.id) return;
      // A lock that cannot be removed is taken over when this process has ended.
      await rm(path, { force: true, maxRetries: 3 }).catch(() => undefined);
    },
  };
}

/** Removes the files of processes that were killed while they took the lock, or wrote a file into the folder. */
async function tidy(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${runFiles.lock}-`) || isTemporary(name));
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })));
}

/** Creates the lock file with its text in one step, through a link. Returns false when it exists. */
async function create(path: string, owner: Owner): Promise<boolean> {
  const temporary = `${path}-${owner.id}`;
  try {
    await writeNew(temporary, owner);
    await link(temporary, path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    const isLink = (error as NodeJS.ErrnoException).syscall === "link";
    if (isLink && noLinks.includes(code)) return createInPlace(path, owner);
    // The lock's holder may have removed the temporary file in `tidy`.
    if (code === "EEXIST" || (code === "ENOENT" && isLink)) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

/** What a file system without links answers, such as exFAT on a memory card. */
const noLinks: readonly string[] = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR", "UNKNOWN"];

/** The same without a link. Another process may find the file empty and remove it, so it is read again a moment later. */
async function createInPlace(path: string, owner: Owner): Promise<boolean> {
  try {
    await writeNew(path, owner);
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
  await setTimeout(SETTLE_MS);
  return ownerOf(await readFile(path, "utf8").catch(() => ""))?.id === owner.id;
}

async function writeNew(path: string, owner: Owner): Promise<void> {
  const file = await open(path, "wx");
  await file.writeFile(JSON.stringify(owner)).finally(() => file.close());
}

async function isAlive(path: string, text: string, host: string, options: LockOptions): Promise<boolean> {
  const owner = ownerOf(text);
  if (owner === undefined) return false;
  const { staleMs = STALE_MS, signal, onWait } = options;
  if (owner.host === host) {
    // Another process may have the same id now.
    if (!isRunning(owner.pid) || owner.started !== startOf(owner.pid)) return false;
    // Without a time of its start, the holder must show that it is alive when it has not done so for long.
    if (owner.started !== "" || Date.now() - Number(await timeOf(path)) / 1e6 < staleMs) return true;
  }
  onWait?.(
    `A process on ${owner.host === host ? "this machine" : owner.host} holds the lock of the folder. Checking for ${staleMs / 1000} s whether it is still running.`,
  );
  const before = await timeOf(path);
  await setTimeout(staleMs, undefined, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
    throw new WhyboxError("aborted", "Stopped.", { cause });
  });
  return (await timeOf(path)) !== before;
}

async function timeOf(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return "gone";
  try {
    return String((await file.stat({ bigint: true })).mtimeNs);
  } finally {
    await file.close();
  }
}

/** Renames the lock file before removing it, and restores it when another process has taken the lock in the meantime. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = `${path}-${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) !== text) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function ownerOf(text: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    // Empty or incomplete after a power failure: nobody holds the lock.
    return undefined;
  }
}

/** The start time of a process in the system's unit; empty when it is not available. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function held(folder: string, text: string): WhyboxError {
  const owner = ownerOf(text);
  return new WhyboxError(
    "output",
    `${folder}: process ${owner?.pid} on ${owner?.host} is writing this run. Wait for it or stop it, or choose another folder with --out.`,
    { details: { folder, ...owner } },
  );
}
