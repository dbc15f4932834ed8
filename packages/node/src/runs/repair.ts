import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { shown, WhyboxError } from "@whybox/core";
import { writeError } from "../io/disk-failure.js";
import { isThere } from "../io/exists.js";
import { renameFile } from "../io/rename-file.js";
import { syncFolder } from "../io/write-file.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { Work } from "./execute.js";
import { indexLines, type LineReader } from "./indexed-lines.js";
import { type LedgerLines, ledgerFiles } from "./ledger.js";
import { lockFolder } from "./lock.js";
import { noTime, runFiles } from "./schema.js";
import { type NumberedItem, readItems } from "./sources/item-list.js";
import { changedFile, readSuccess } from "./success.js";
import { timingLine } from "./video-sink.js";
import { brokenFile } from "./whole-files.js";

/** Number of damages that are described. */
const MAX_DAMAGES = 20;

export interface Repaired {
  /** What was found, in words: the first of them. */
  readonly damages: readonly string[];
  /** Number of items that keep their lines. */
  readonly kept: number;
  /** Number of all other items. */
  readonly rest: number;
  /** Path of the folder with the damaged files. */
  readonly backup: string;
}

/**
 * Repairs the lines of a run or a shard: those that are whole wait in `kept/`, and `execute` explains all other items. The damaged files
 * are moved to `damaged/`. It can be stopped at any time and repeated.
 * @returns What was repaired; undefined if nothing is damaged.
 * @throws output; aborted; bad-input if the list of items is damaged.
 */
export async function repairRun(work: Work): Promise<Repaired | undefined> {
  const { folder, signal, onWait } = work;
  const lock = await lockFolder(folder, { signal, ...(onWait !== undefined && { onWait }) });
  const damages: string[] = [];
  let count = 0;
  const damaged = (found: string) => void (count++ < MAX_DAMAGES && damages.push(found));
  try {
    const mark = await readSuccess(folder).catch(successDamage);
    if (typeof mark === "string") damaged(mark);
    let lines = await indexLines(folder, work, damaged);
    const changed = count > 0 || typeof mark !== "object" ? undefined : await changedFile(folder, mark);
    if (changed !== undefined) {
      damaged(`${changed} has another digest than in ${runFiles.success}, and no line shows why, so no item is kept`);
      await lines.close();
      lines = noLines;
    }
    // Closed before files are renamed: Windows refuses it for open files.
    const counts = await keepWhole(work, lines, damaged).finally(() => lines.close());
    if (count === 0) return undefined;
    await putKept(folder);
    return { damages, ...counts, backup: await setAside(folder) };
  } catch (cause) {
    if (cause instanceof WhyboxError || !(cause instanceof Error && "syscall" in cause)) throw cause;
    throw writeError(`Cannot repair ${folder}`, cause, { more: " Nothing was removed.", details: { folder } });
  } finally {
    await rm(join(folder, runFiles.temporary), { recursive: true, force: true });
    await lock.release();
  }
}

const noLines: LineReader = { of: async () => [], close: async () => undefined };

function successDamage(error: unknown): string {
  if (error instanceof WhyboxError) return `${runFiles.success} does not fit the other files, or is damaged`;
  throw error;
}

/** Writes the whole lines to `tmp/`. */
async function keepWhole(work: Work, lines: LineReader, damaged: (found: string) => void) {
  const { folder, items, first, end, start, signal } = work;
  const temporary = join(folder, runFiles.temporary);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  const outs = await Promise.all(ledgerFiles.map((name) => open(join(temporary, name), "w")));
  let [kept, rest] = [0, 0];
  try {
    for await (const item of readItems(items, { first, end }, start)) {
      stopIfAborted(signal);
      const whole = await wholeLines(folder, lines, item, damaged);
      if (whole === undefined) rest++;
      else kept++;
      if (whole !== undefined)
        for (const [i, name] of ledgerFiles.entries()) await outs[i]!.appendFile(`${whole[name]}\n`);
    }
    for (const out of outs) await out.sync();
    return { kept, rest };
  } finally {
    await Promise.allSettled(outs.map((out) => out.close()));
  }
}

/** The lines of an item; undefined if one is not whole. Missing times become zeros, because nothing depends on them. */
async function wholeLines(
  folder: string,
  lines: LineReader,
  { item, source }: NumberedItem,
  damaged: (found: string) => void,
): Promise<LedgerLines | undefined> {
  const results = await lines.of(runFiles.results, item);
  const result = results.find((one) => one.value.source === source);
  if (result === undefined) {
    const other = results[0]?.value.source;
    if (other !== undefined) damaged(`item ${item} is ${shown(source)}, and its line is of ${shown(other)}`);
    return undefined;
  }
  const [maps] = await lines.of(runFiles.maps, item);
  const broken = maps === undefined ? `${runFiles.maps} has no whole line` : await brokenFile(folder, result.value);
  if (maps === undefined || broken !== undefined) {
    damaged(`item ${item}: ${broken}`);
    return undefined;
  }
  const [timings] = await lines.of(runFiles.timings, item);
  if (timings === undefined) damaged(`item ${item}: ${runFiles.timings} has no whole line`);
  const { kind } = result.value;
  const frames = kind === "failure" ? 0 : kind === "video" ? result.value.frames : 1;
  return {
    [runFiles.results]: result.text,
    [runFiles.maps]: maps.text,
    [runFiles.timings]: timings?.text ?? timingLine(item, frames, noTime),
  };
}

/** Moves the whole lines from `tmp/` to `kept/`. */
async function putKept(folder: string): Promise<void> {
  const kept = join(folder, runFiles.kept);
  await mkdir(kept, { recursive: true });
  for (const name of ledgerFiles) await renameFile(join(folder, runFiles.temporary, name), join(kept, name));
  await syncFolder(kept);
  await syncFolder(folder);
}

/** Moves the damaged files to `damaged`, `damaged-2`, … */
async function setAside(folder: string): Promise<string> {
  let backup = join(folder, runFiles.damaged);
  for (let n = 2; await isThere(backup); n++) backup = join(folder, `${runFiles.damaged}-${n}`);
  await mkdir(backup);
  for (const name of [...ledgerFiles, runFiles.success]) {
    if (await isThere(join(folder, name))) await renameFile(join(folder, name), join(backup, name));
  }
  await syncFolder(folder);
  return backup;
}
