import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { type ResultLine, runFiles, runFilesVersion, type SuccessMark } from "../schema.js";
import { readSuccess } from "../success.js";
import { textLines } from "../text-lines.js";
import type { PlannedRun } from "./plan.js";
import { readOrigin, refuseOthers, shardFolder } from "./run-shard.js";

type Run = Pick<PlannedRun, "folder" | "plan" | "manifest">;

/**
 * The marks of all shards, once they are all there, of this run, done, and have the files that their lines tell of. Digests are left to who
 * reads the lines.
 * @throws bad-input that names the shards.
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

/** The mark of a shard that is done; undefined otherwise. @throws bad-input for a damaged one, or one of another run. */
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
  const message = `${folder}: ${missing.length} of ${plan.shards.length} shards ${one ? "is" : "are"} not done: ${rangesText(missing)}. whybox shard run does ${one ? "it" : "each of them"}; what is done is kept.`;
  throw new WhyboxError("bad-input", message, { details: { folder, missing } });
}

/** "0, 3-7, 12": as Slurm's `--array` takes it, too, without the spaces. At most 20 parts. */
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

/** A merge that was killed may have moved some of the files. */
async function refuseLostFiles({ folder, manifest }: Run, index: number): Promise<void> {
  const shard = shardFolder(folder, index);
  const pictures = manifest.options.save.length > 0;
  for await (const text of textLines(createReadStream(join(shard, runFiles.results), "utf8"))) {
    // Without pictures only videos have files; quotes in a source are escaped, so the text stands nowhere else.
    if (!pictures && !text.includes('"kind":"video"')) continue;
    for (const path of filesOf(JSON.parse(text) as ResultLine)) {
      if ((await exists(join(shard, path))) || (await exists(join(folder, path)))) continue;
      const message = `${join(shard, path)} is gone, and ${runFiles.results} tells of it. Remove ${shard} and run shard ${index} again.`;
      throw new WhyboxError("bad-input", message, { details: { shard: index, path } });
    }
  }
}

/** Paths from the run's folder that a line tells of. */
function filesOf(line: ResultLine): string[] {
  if (line.kind === "failure") return [];
  const own = Object.values(line.files);
  const parts = line.kind === "video" ? [] : line.detections.flatMap(({ files }) => Object.values(files ?? {}));
  return [...own, ...parts].filter((path) => path !== null);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
