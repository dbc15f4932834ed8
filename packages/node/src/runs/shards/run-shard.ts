import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { explainDiskFailure } from "../../io/disk-failure.js";
import { systemErrorCode } from "../../io/system-error.js";
import { writeFileSafely } from "../../io/write-file.js";
import { execute, type Work } from "../execute.js";
import { runFiles, runFilesVersion, type ShardPlan, type SuccessMark } from "../schema.js";
import { readSuccess } from "../success.js";
import type { PlannedRun, Shard } from "./plan.js";
import { originFile, originSchema, type ShardOrigin } from "./schema.js";

export type ShardWork = Pick<Work, "skipMissing" | "signal" | "onProgress" | "onFailure" | "onWait">;

/** Folder of a shard: `shards/00012` of the run's. */
export function shardFolder(folder: string, index: number): string {
  return join(folder, runFiles.shards, String(index).padStart(5, "0"));
}

/** @throws usage for a shard that the plan does not have. */
export function shardOf({ shards }: ShardPlan, index: number): Shard {
  const shard = shards[index];
  if (shard !== undefined) return shard;
  const have = shards.length === 1 ? "one shard, 0" : `${shards.length} shards, 0 to ${shards.length - 1}`;
  throw new WhyboxError("usage", `Shard ${index}: the run has ${have}.`, { details: { index } });
}

/**
 * Does what is not done yet of one shard. Doing it again does nothing; a shard that was killed goes on where it was.
 * @returns the mark of the shard, or of the whole run when it is merged already.
 * @throws usage for a shard that is not in the plan; bad-input for a folder of another run; what `execute` throws.
 */
export async function runShard(run: PlannedRun, index: number, work: ShardWork): Promise<SuccessMark> {
  const shard = shardOf(run.plan, index);
  const merged = await readSuccess(run.folder);
  if (merged !== undefined) return merged;
  const folder = shardFolder(run.folder, index);
  await begin(folder, { schemaVersion: runFilesVersion, manifest: run.plan.manifest, ...rangeOf(shard) });
  const whole: Work = {
    ...work,
    ...{ manifest: run.manifest, items: join(run.folder, runFiles.items), folder },
    ...rangeOf(shard),
    start: { item: shard.first, offset: shard.offset },
  };
  try {
    return await execute(whole, run.explainers);
  } catch (error) {
    throw inWordsOfShards(error);
  }
}

/** What is said of a run's options is not so for a shard, which has none of them. */
function inWordsOfShards(error: unknown): unknown {
  if (!(error instanceof WhyboxError)) return error;
  const message = error.message
    .replaceAll("--resume ", "the same command ")
    .replaceAll(/(, or| Or)? choose another folder with --out/gi, "");
  return new WhyboxError(error.code, message, { details: error.details, cause: error.cause });
}

function rangeOf({ first, end }: Shard) {
  return { first, end };
}

/** Several may begin the same shard at once: they write the same bytes, and the lock decides who goes on. */
async function begin(folder: string, origin: ShardOrigin): Promise<void> {
  const found = await readOrigin(folder);
  if (found !== undefined) return refuseOthers(folder, found, origin);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const advice = explainDiskFailure(cause, "plan again in another folder");
    const message = `${folder}: the shard's results cannot be written there: ${advice}`;
    throw new WhyboxError("output", message, { details: { folder, reason: systemErrorCode(cause) }, cause });
  }
  await writeFileSafely(join(folder, originFile), `${JSON.stringify(origin)}\n`);
}

/** Of which run a shard's folder is; undefined while it has not been begun. @throws bad-input. */
export async function readOrigin(folder: string): Promise<ShardOrigin | undefined> {
  const path = join(folder, originFile);
  try {
    return originSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return undefined;
    throw new WhyboxError("bad-input", `${path} is damaged. Remove ${folder}, and the shard is done anew.`, { cause });
  }
}

/** @throws bad-input that tells what the folder belongs to. */
export function refuseOthers(folder: string, found: ShardOrigin, expected: ShardOrigin): void {
  for (const key of ["manifest", "first", "end"] as const) {
    if (found[key] === expected[key]) continue;
    const message = `${folder} is a shard of another run: its ${originFile} has ${key} ${found[key]}, this run ${expected[key]}. Remove that folder, and the shard is done anew.`;
    throw new WhyboxError("bad-input", message, { details: { folder, key } });
  }
}
