import { createReadStream } from "node:fs";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { exists } from "../../io/exists.js";
import { readJsonFile } from "../../io/json-file.js";
import { writeFileSafely } from "../../io/write-file.js";
import { type LockOptions, lockFolder } from "../lock.js";
import { type LoadContext, type OpenedRun, openRun } from "../open-run.js";
import { runFiles, runFilesVersion, type ShardPlan, shardPlanSchema } from "../schema.js";
import { digestOf } from "../success.js";

export type Shard = ShardPlan["shards"][number];

export interface PlannedRun extends OpenedRun {
  readonly plan: ShardPlan;
}

/**
 * Splits the item list of a run into shards, in the order of the items. Their sizes differ by at most one item. The same run and
 * number of shards give the same bytes. An existing plan does not change.
 * @throws usage when there are more shards than items, when a plan with another number of shards exists, or when the run was started
 * without shards; output.
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
        `--shards ${count}: the run has ${items} ${items === 1 ? "item" : "items"}, and a shard needs at least one. Use at most ${items}.`,
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
  const message = `${folder} is already split into ${plan.shards.length} shards, not ${count}. Use --shards ${plan.shards.length}, or choose another folder with --out.`;
  throw new WhyboxError("usage", message, { details: { folder, found: plan.shards.length, given: count } });
}

/** @throws usage for a run that was started without shards: a merge would overwrite its lines. */
async function refuseBegun(folder: string): Promise<void> {
  if (!(await exists(join(folder, runFiles.results)))) return;
  const message = `${folder} was started by whybox run, without shards. Continue with whybox run --resume, or choose another folder with --out.`;
  throw new WhyboxError("usage", message, { details: { folder } });
}

/** Shard i starts at item i · items / count, rounded down. */
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

/** Reads the plan of a run; undefined when it does not exist. @throws bad-input when it is damaged. */
async function readPlan(folder: string): Promise<ShardPlan | undefined> {
  const remedy = "is not a valid shard plan: it is damaged, or has another version. Plan again in a new folder.";
  return await readJsonFile(join(folder, runFiles.plan), shardPlanSchema, remedy);
}

/**
 * Opens a run that is split into shards.
 * @throws bad-input when there is no run, or its plan belongs to another manifest; usage when it has no plan.
 */
export async function openPlannedRun(folder: string, context: LoadContext): Promise<PlannedRun> {
  const opened = await openRun(folder, context);
  return { ...opened, plan: await checkedPlan(folder) };
}

/** Reads the plan of a run. @throws usage when it is missing; bad-input when it belongs to another manifest. */
async function checkedPlan(folder: string): Promise<ShardPlan> {
  const plan = await readPlan(folder);
  if (plan === undefined) {
    const message = `${folder} is not split into shards: it has no ${runFiles.plan}. Create it with whybox shard plan.`;
    throw new WhyboxError("usage", message, { details: { folder } });
  }
  const { sha256 } = await digestOf(join(folder, runFiles.manifest));
  if (sha256 === plan.manifest) return plan;
  const message = `${join(folder, runFiles.plan)} belongs to another run: expected a manifest with the digest ${plan.manifest.slice(0, 12)}…, found ${sha256.slice(0, 12)}…. Plan again in a new folder.`;
  throw new WhyboxError("bad-input", message, { details: { folder, expected: plan.manifest, found: sha256 } });
}
