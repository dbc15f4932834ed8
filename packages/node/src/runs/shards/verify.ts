import { createReadStream } from "node:fs";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { exists } from "../../io/exists.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { damagedRun, readLine, repairRemedy } from "../damage.js";
import { type ResultLine, resultLineSchema, runFiles, runFilesVersion, type SuccessMark } from "../schema.js";
import { readSuccess } from "../success.js";
import { textLines } from "../text-lines.js";
import { filesOf } from "../whole-files.js";
import type { PlannedRun } from "./plan.js";
import { readOrigin, refuseOthers, shardFolder } from "./run-shard.js";

type Run = Pick<PlannedRun, "folder" | "plan" | "manifest">;

/**
 * Checks that all shards exist, belong to this run, are done, and have the files that their lines refer to. Returns their marks.
 * Digests are not checked here: the caller reads the lines anyway.
 * @throws bad-input. The message lists the shards.
 */
export async function verifyShards(run: Run, signal: AbortSignal): Promise<SuccessMark[]> {
  const marks: SuccessMark[] = [];
  const missing: number[] = [];
  for (const index of run.plan.shards.keys()) {
    stopIfAborted(signal);
    const mark = await shardMark(run, index);
    if (mark === undefined) missing.push(index);
    else marks.push(mark);
  }
  refuseMissing(run, missing);
  for (const index of run.plan.shards.keys()) {
    stopIfAborted(signal);
    await refuseLostFiles(run, index);
  }
  return marks;
}

/** Reads the mark of a shard; undefined when it is not done. @throws bad-input when it is damaged or belongs to another run. */
export async function shardMark({ folder, plan }: Pick<Run, "folder" | "plan">, index: number) {
  const shard = shardFolder(folder, index);
  const mark = await readSuccess(shard);
  if (mark === undefined) return undefined;
  const { first, end } = plan.shards[index]!;
  const expected = { schemaVersion: runFilesVersion, manifest: plan.manifest, first, end } as const;
  const origin = await readOrigin(shard);
  if (origin === undefined) return undefined;
  refuseOthers(shard, origin, expected);
  refuseOthers(shard, { ...origin, first: mark.first, end: mark.end }, expected);
  return mark;
}

function refuseMissing({ folder, plan }: Run, missing: readonly number[]): void {
  if (missing.length === 0) return;
  const one = missing.length === 1;
  const message = `${folder}: ${missing.length} of ${plan.shards.length} shards ${one ? "is" : "are"} not done: ${rangesText(missing)}. Run ${one ? "it" : "them"} with whybox shard run. Completed items are kept.`;
  throw new WhyboxError("bad-input", message, { details: { folder, missing } });
}

/** Formats numbers as ranges: "0, 3-7, 12", at most 20 parts. Slurm's `--array` uses the same format without spaces. */
export function rangesText(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const n of numbers) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else parts.push([n, n]);
  }
  const shown = parts.slice(0, 20).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return `${shown.join(", ")}${parts.length > shown.length ? ", …" : ""}`;
}

/** @throws bad-input when a file is missing. An interrupted merge may have moved some files to the run's folder. */
async function refuseLostFiles({ folder, manifest }: Run, index: number): Promise<void> {
  const shard = shardFolder(folder, index);
  const hasImageFiles = manifest.options.save.length > 0;
  for await (const text of textLines(createReadStream(join(shard, runFiles.results), "utf8"))) {
    // Without image files only videos have files. Quotes in a source are escaped, so this text cannot be part of a source.
    if (!hasImageFiles && !text.includes('"kind":"video"')) continue;
    for (const path of filesOf(whole(text, shard))) {
      if ((await exists(join(shard, path))) || (await exists(join(folder, path)))) continue;
      const message = `${join(shard, path)} is missing, but ${runFiles.results} refers to it. ${repairRemedy(shard)}`;
      throw new WhyboxError("bad-input", message, { details: { shard: index, path } });
    }
  }
}

function whole(text: string, shard: string): ResultLine {
  const read = readLine(text, resultLineSchema);
  if ("value" in read) return read.value;
  throw damagedRun(join(shard, runFiles.results), read.wrong, shard);
}
