import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { writeError } from "../../io/disk-failure.js";
import { renameFile } from "../../io/rename-file.js";
import { systemErrorCode } from "../../io/system-error.js";
import { syncFolder, writeFileSafely } from "../../io/write-file.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { repairRemedy } from "../damage.js";
import { ledgerFiles } from "../ledger.js";
import { type LockOptions, lockFolder } from "../lock.js";
import { addMachines, readMachines } from "../machines.js";
import { runFiles, runFilesVersion, type SuccessMark } from "../schema.js";
import { readSuccess } from "../success.js";
import type { PlannedRun } from "./plan.js";
import { shardFolder } from "./run-shard.js";
import { verifyShards } from "./verify.js";

export interface MergeOptions extends LockOptions {
  readonly signal: AbortSignal;
  /** Called after each shard. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Verifies the shards of a run and merges them. The result has the same bytes as a run on one machine, except the timings. The plan
 * stays in the folder. The shards are removed at the end. An interrupted merge starts again. A merged run does not change.
 * @throws bad-input when shards are missing or damaged (the message lists them); output; aborted.
 */
export async function mergeShards(run: Omit<PlannedRun, "explainers">, options: MergeOptions): Promise<SuccessMark> {
  const { folder, plan, manifest } = run;
  const lock = await lockFolder(folder, options);
  try {
    const done = await readSuccess(folder);
    if (done !== undefined) {
      await removeShards(folder);
      return done;
    }
    const marks = await verifyShards(run, options.signal);
    const temporary = join(folder, runFiles.temporary);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    const files = await concatenate(run, marks, options);
    for (const index of plan.shards.keys())
      await addMachines(folder, await readMachines(shardFolder(folder, index)), temporary);
    for (const index of plan.shards.keys()) await moveFiles(shardFolder(folder, index), folder);
    for (const name of ledgerFiles) await renameFile(join(temporary, name), join(folder, name));
    await syncFolder(folder);
    const mark: SuccessMark = {
      ...{ schemaVersion: runFilesVersion, first: 0, end: manifest.items.count },
      failures: sum(marks.map(({ failures }) => failures)),
      detections: sum(marks.map(({ detections }) => detections)),
      files,
    };
    await writeFileSafely(join(folder, runFiles.success), `${JSON.stringify(mark, null, 2)}\n`);
    await removeShards(folder);
    return mark;
  } catch (cause) {
    if (systemErrorCode(cause) === "unknown error") throw cause;
    const elsewhere = "merge a copy of the folder elsewhere";
    const more = " The shards are kept. Run the same command again.";
    throw writeError(`Cannot merge the shards in ${folder}`, cause, { elsewhere, more, details: { folder } });
  } finally {
    await rm(join(folder, runFiles.temporary), { recursive: true, force: true });
    await lock.release();
  }
}

/** Concatenates the lines of all shards in `tmp/`, and verifies them. */
async function concatenate(
  { folder, plan }: Pick<PlannedRun, "folder" | "plan">,
  marks: readonly SuccessMark[],
  { signal, onProgress }: MergeOptions,
): Promise<SuccessMark["files"]> {
  const outs = await Promise.all(ledgerFiles.map((name) => Joined.open(join(folder, runFiles.temporary, name))));
  try {
    for (const [index, { first, end }] of plan.shards.entries()) {
      stopIfAborted(signal);
      for (const [i, name] of ledgerFiles.entries()) {
        const path = join(shardFolder(folder, index), name);
        const { lines, sha256 } = await outs[i]!.add(path);
        const wanted = name === runFiles.timings ? undefined : marks[index]!.files[name].sha256;
        if (lines !== end - first) refuse(index, path, `it has ${lines} lines; expected ${end - first}`, folder);
        if (wanted !== undefined && sha256 !== wanted)
          refuse(index, path, `its digest differs from the one in ${runFiles.success}`, folder);
      }
      onProgress?.(index + 1, plan.shards.length);
    }
    const digests = await Promise.all(outs.map((out) => out.end()));
    return Object.fromEntries(
      ledgerFiles.map((name, i) => [name, digests[i]!] as const).filter(([name]) => name !== runFiles.timings),
    ) as SuccessMark["files"];
  } finally {
    await Promise.allSettled(outs.map((out) => out.close()));
  }
}

function refuse(index: number, path: string, why: string, folder: string): never {
  const message = `${path} is damaged: ${why}. ${repairRemedy(shardFolder(folder, index))}`;
  throw new WhyboxError("bad-input", message, { details: { shard: index, path } });
}

/** A file that is the concatenation of other files. */
class Joined {
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<Joined> {
    return new Joined(await open(path, "wx"));
  }

  async add(path: string): Promise<{ lines: number; sha256: string }> {
    const hash = createHash("sha256");
    let lines = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
      hash.update(chunk);
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      await this.#file.appendFile(chunk);
    }
    return { lines, sha256: hash.digest("hex") };
  }

  async end(): Promise<{ bytes: number; sha256: string }> {
    await this.#file.sync();
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Moves images, arrays and videos. Items of two shards may share a folder. An interrupted merge may have moved some files already. */
async function moveFiles(from: string, to: string): Promise<void> {
  for (const part of await names(join(from, runFiles.files))) {
    const source = join(from, runFiles.files, part);
    const target = join(to, runFiles.files, part);
    await mkdir(target, { recursive: true });
    for (const name of await names(source)) await renameFile(join(source, name), join(target, name));
    await syncFolder(target);
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function removeShards(folder: string): Promise<void> {
  return rm(join(folder, runFiles.shards), { recursive: true, force: true });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
