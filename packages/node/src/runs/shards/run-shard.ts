import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { writeError } from "../../io/disk-failure.js";
import { readJsonFile } from "../../io/json-file.js";
import { writeFileSafely } from "../../io/write-file.js";
import { execute, type Work, type WorkHooks } from "../execute.js";
import { runFiles, runFilesVersion, type ShardPlan, type SuccessMark } from "../schema.js";
import { readSuccess } from "../success.js";
import type { PlannedRun, Shard } from "./plan.js";
import { originFile, originSchema, type ShardOrigin } from "./schema.js";

export interface ShardWork extends Pick<Work, "skipMissing" | "signal" | keyof WorkHooks> {
  /** Repairs the shard first. It is not called when the run is already merged. */
  readonly repair?: ((work: Work) => Promise<void>) | undefined;
}

/** Folder of a shard: `shards/00012` in the run's folder. */
export function shardFolder(folder: string, index: number): string {
  return join(folder, runFiles.shards, String(index).padStart(5, "0"));
}

/** @throws usage when the plan does not contain the shard. */
export function shardOf({ shards }: ShardPlan, index: number): Shard {
  const shard = shards[index];
  if (shard !== undefined) return shard;
  const have = shards.length === 1 ? "one shard, 0" : `${shards.length} shards, 0 to ${shards.length - 1}`;
  throw new WhyboxError("usage", `Shard ${index}: the run has ${have}.`, { details: { index } });
}

/**
 * Explains the items of one shard that are not done yet. A completed shard does not change. An interrupted shard continues.
 * @returns The mark of the shard, or of the whole run if it is already merged.
 * @throws usage when the plan does not contain the shard; bad-input when the folder belongs to another run; errors of `execute`.
 */
export async function runShard(
  run: PlannedRun,
  index: number,
  { repair, ...settings }: ShardWork,
): Promise<SuccessMark> {
  const shard = shardOf(run.plan, index);
  const merged = await readSuccess(run.folder);
  if (merged !== undefined) return merged;
  const folder = shardFolder(run.folder, index);
  await begin(folder, { schemaVersion: runFilesVersion, manifest: run.plan.manifest, ...rangeOf(shard) });
  const work: Work = {
    ...settings,
    ...{ manifest: run.manifest, items: join(run.folder, runFiles.items), folder },
    ...rangeOf(shard),
    start: { item: shard.first, offset: shard.offset },
  };
  try {
    await repair?.(work);
    return await execute(work, run.explainers);
  } catch (error) {
    throw forShards(error);
  }
}

/** Replaces the options of a run in a message, because the commands for shards do not have them. */
function forShards(error: unknown): unknown {
  if (!(error instanceof WhyboxError)) return error;
  const message = error.message
    .replaceAll("--resume ", "the same command ")
    .replaceAll(/(, or| Or)? choose another folder with --out/gi, "");
  return new WhyboxError(error.code, message, { details: error.details, cause: error.cause });
}

function rangeOf({ first, end }: Shard) {
  return { first, end };
}

/** Creates a shard's folder. Several processes may do so at once: they write the same bytes, and the lock decides which continues. */
async function begin(folder: string, origin: ShardOrigin): Promise<void> {
  const found = await readOrigin(folder);
  if (found !== undefined) return refuseOthers(folder, found, origin);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const elsewhere = "plan again in another folder";
    throw writeError(`Cannot write the shard's results to ${folder}`, cause, { elsewhere, details: { folder } });
  }
  await writeFileSafely(join(folder, originFile), `${JSON.stringify(origin)}\n`);
}

/** Reads the origin of a shard's folder; undefined when the shard was not started. @throws bad-input. */
export async function readOrigin(folder: string): Promise<ShardOrigin | undefined> {
  const remedy = `is damaged. Remove ${folder} and run the shard again.`;
  return await readJsonFile(join(folder, originFile), originSchema, remedy);
}

/** @throws bad-input when the folder belongs to another run or shard. */
export function refuseOthers(folder: string, found: ShardOrigin, expected: ShardOrigin): void {
  for (const key of ["manifest", "first", "end"] as const) {
    if (found[key] === expected[key]) continue;
    const message = `${folder} is a shard of another run: its ${originFile} has ${key} ${found[key]}; expected ${expected[key]}. Remove that folder and run the shard again.`;
    throw new WhyboxError("bad-input", message, { details: { folder, key } });
  }
}
