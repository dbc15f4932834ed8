import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { systemErrorCode } from "../../io/system-error.js";
import { writeFileSafely } from "../../io/write-file.js";
import { type LockOptions, lockFolder } from "../lock.js";
import { type LoadContext, type OpenedRun, openRun } from "../open-run.js";
import { runFiles, runFilesVersion, type ShardPlan, shardPlanSchema } from "../schema.js";
import { digestOf } from "../success.js";

export type Shard = ShardPlan["shards"][number];

/** A run that is cut into shards. */
export interface PlannedRun extends OpenedRun {
  readonly plan: ShardPlan;
}

/**
 * Cuts the item list of a run into shards of equal size, give or take one item, in the order of the items. The same run and number give the same
 * bytes; a plan that is there already stays.
 * @throws usage for more shards than items, a plan of another number, a run that one machine has begun; output.
 */
export async function planShards(
  { folder, manifest }: Pick<OpenedRun, "folder" | "manifest">,
  count: number,
  options: LockOptions,
): Promise<ShardPlan> {
  const lock = await lockFolder(folder, options);
  try {
    const before = await readPlan(folder);
    if (before !== undefined) return samePlan(before, count, folder);
    await refuseBegun(folder);
    const { count: items } = manifest.items;
    if (count > items) {
      throw new WhyboxError(
        "usage",
        `--shards ${count}: the run has ${items} ${items === 1 ? "item" : "items"}, and a shard has at least one. Give ${items} at most.`,
      );
    }
    const plan: ShardPlan = {
      schemaVersion: runFilesVersion,
      manifest: (await digestOf(join(folder, runFiles.manifest))).sha256,
      shards: await cut(join(folder, runFiles.items), items, count),
    };
    await writeFileSafely(join(folder, runFiles.plan), `${JSON.stringify(plan, null, 2)}\n`);
    return plan;
  } finally {
    await lock.release();
  }
}

function samePlan(plan: ShardPlan, count: number, folder: string): ShardPlan {
  if (plan.shards.length === count) return plan;
  const message = `${folder} is cut into ${plan.shards.length} shards already, not ${count}. Give --shards ${plan.shards.length}, or choose another folder with --out.`;
  throw new WhyboxError("usage", message, { details: { folder, found: plan.shards.length, given: count } });
}

/** Lines that one machine wrote would be lost in a merge. */
async function refuseBegun(folder: string): Promise<void> {
  const begun = await stat(join(folder, runFiles.results)).then(
    () => true,
    () => false,
  );
  if (!begun) return;
  const message = `${folder} was begun by whybox run, without shards. Go on with whybox run --resume, or choose another folder with --out.`;
  throw new WhyboxError("usage", message, { details: { folder } });
}

/** Shard i has the items from i · items / count on, rounded down. */
async function cut(path: string, items: number, count: number): Promise<Shard[]> {
  const firsts = Array.from({ length: count + 1 }, (_, i) => Math.floor((i * items) / count));
  const shards: Shard[] = [];
  let item = 0;
  let position = 0;
  const begin = (offset: number) => {
    if (shards.length < count && item === firsts[shards.length])
      shards.push({ first: item, end: firsts[shards.length + 1]!, offset });
  };
  begin(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) {
      item++;
      begin(position + at + 1);
    }
    position += chunk.length;
  }
  return shards;
}

/**
 * The plan of a run; undefined when it has none.
 * @throws bad-input for a damaged one.
 */
async function readPlan(folder: string): Promise<ShardPlan | undefined> {
  const path = join(folder, runFiles.plan);
  try {
    return shardPlanSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return undefined;
    throw new WhyboxError("bad-input", `${path} is no plan of shards: it is damaged, or of another version.`, {
      details: { path },
      cause,
    });
  }
}

/**
 * Opens a run that is cut into shards.
 * @throws bad-input when there is no run, or its plan is not of its manifest; usage when it has no plan.
 */
export async function openPlannedRun(folder: string, context: LoadContext): Promise<PlannedRun> {
  const opened = await openRun(folder, context);
  return { ...opened, plan: await checkedPlan(folder) };
}

/** The plan of a run that must have one, of this manifest. */
async function checkedPlan(folder: string): Promise<ShardPlan> {
  const plan = await readPlan(folder);
  if (plan === undefined) {
    const message = `${folder} is not cut into shards: it has no ${runFiles.plan}. whybox shard plan makes it.`;
    throw new WhyboxError("usage", message, { details: { folder } });
  }
  const { sha256 } = await digestOf(join(folder, runFiles.manifest));
  if (sha256 === plan.manifest) return plan;
  const message = `${join(folder, runFiles.plan)} is of another run: its manifest has the digest ${plan.manifest.slice(0, 12)}…, this one ${sha256.slice(0, 12)}…. Plan again in a new folder.`;
  throw new WhyboxError("bad-input", message, { details: { folder, expected: plan.manifest, found: sha256 } });
}
