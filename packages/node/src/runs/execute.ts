import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { printable, WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { folderError } from "../io/disk-failure.js";
import { writeFileSafely } from "../io/write-file.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { KeptLines, removeKept } from "./kept-lines.js";
import { Ledger, type LedgerLines } from "./ledger.js";
import { lockFolder } from "./lock.js";
import { noteMachine } from "./machines.js";
import { MissingWatch } from "./missing.js";
import { ordered } from "./ordered.js";
import { type Manifest, runFiles, type SuccessMark } from "./schema.js";
import { readItems } from "./sources/item-list.js";
import { locationOf } from "./sources/list-items.js";
import { readSuccess, successOf } from "./success.js";
import type { Explainers, Outcome } from "./task.js";
import { taskOf, type Unit, unitsOf } from "./units.js";
import { failureLines, timingLine, VideoSink } from "./video-sink.js";

/** What is reported during the work. */
export interface WorkHooks {
  /** Called after each item and each frame. */
  onProgress(progress: WorkProgress): void;
  /** Called for each item that cannot be explained. */
  onFailure(source: string, message: string): void;
  /** Called for each image whose file does not say how it is read. */
  onNote(message: string): void;
  onWait(message: string): void;
}

/** A run or a part of it, and the folder for its results. */
export interface Work extends Partial<WorkHooks> {
  readonly manifest: Manifest;
  /** Path of the item list. */
  readonly items: string;
  /** Items `[first, end)`. */
  readonly first: number;
  readonly end: number;
  /** An item at or before `first`, and the byte offset of its line in the list. */
  readonly start?: { readonly item: number; readonly offset: number };
  /** Absolute path of an existing folder. */
  readonly folder: string;
  readonly skipMissing: boolean;
  readonly signal: AbortSignal;
}

export interface WorkProgress {
  /** Number of completed items, including those of earlier calls. */
  readonly done: number;
  readonly total: number;
  /** Number of failures in this process. */
  readonly failures: number;
  /** Number of completed frames of the current video. */
  readonly frames: number;
}

/**
 * Explains the items of a run that are not done yet, and writes the success mark when all are done. A completed folder does not
 * change.
 * @param explainers Called only if there are items to explain.
 * @throws errors that end the run: output, aborted, unsupported-model, bad-input when the sources are no longer available.
 * Completed items are kept.
 */
export async function execute(work: Work, explainers: () => Promise<Explainers>): Promise<SuccessMark> {
  const done = await readSuccess(work.folder);
  if (done !== undefined) return done;
  const lock = await lockFolder(work.folder, {
    signal: work.signal,
    ...(work.onWait === undefined ? {} : { onWait: work.onWait }),
  });
  try {
    const temporary = join(work.folder, runFiles.temporary);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    const ledger = await Ledger.open(work.folder, work.first);
    try {
      refuseSurplus(ledger, work);
      await complete(work, ledger, explainers);
    } finally {
      await ledger.close();
    }
    await removeKept(work.folder);
    const mark = await successOf(work.folder, work);
    await rm(temporary, { recursive: true, force: true });
    await writeFileSafely(join(work.folder, runFiles.success), `${JSON.stringify(mark, null, 2)}\n`);
    return mark;
  } catch (cause) {
    throw folderError(work.folder, await causeOf(cause, work.folder));
  } finally {
    await lock.release();
  }
}

/** The error itself, or why the folder cannot be read any more: what is missing in a folder that is gone is no damage. */
async function causeOf(error: unknown, folder: string): Promise<unknown> {
  if (!(error instanceof WhyboxError && error.code === "bad-input")) return error;
  return stat(folder).then(
    () => error,
    (cause: unknown) => cause,
  );
}

function refuseSurplus({ next }: Ledger, { folder, first, end }: Work): void {
  if (next <= end) return;
  throw new WhyboxError(
    "bad-input",
    `${folder} has lines for ${next - first} items; expected at most ${end - first}. The folder may belong to another run. Choose another folder with --out.`,
  );
}

/** Adds the lines that are missing: those that a repair kept, and for all other items new ones. */
async function complete(work: Work, ledger: Ledger, explainers: () => Promise<Explainers>): Promise<void> {
  const kept = await KeptLines.open(work.folder, ledger.next);
  try {
    // The first of them need no model.
    for (let lines = await kept?.take(ledger.next); lines !== undefined; lines = await kept!.take(ledger.next))
      await ledger.append(lines);
    await ledger.commit();
    if (ledger.next === work.end) return;
    const temporary = join(work.folder, runFiles.temporary);
    const parts = { ledger, kept, explainers: await explainers() };
    await noteMachine(work.folder, temporary);
    await explainRest(work, parts);
    await noteMachine(work.folder, temporary);
  } finally {
    await kept?.close();
  }
}

interface RestParts {
  readonly ledger: Ledger;
  readonly kept: KeptLines | undefined;
  readonly explainers: Explainers;
}

async function explainRest(work: Work, { ledger, kept, explainers }: RestParts): Promise<void> {
  const { manifest, signal, folder } = work;
  const { vidStride, mapStride, maxFrames, allowPrivate } = manifest.options;
  const items = readItems(work.items, { first: ledger.next, end: work.end }, work.start);
  const units = unitsOf(items, { root: manifest.root, vidStride, mapStride, maxFrames, allowPrivate, signal, kept });
  // Tasks of several frames take more time and memory, so fewer of them are needed at once.
  const window = mapStride > 1 ? Math.ceil(explainers.window / 2) : explainers.window;
  const writer = new Writer(work, ledger);
  try {
    const explain = async (unit: Unit): Promise<readonly Outcome[]> => {
      const task = taskOf(unit, folder);
      return task === undefined ? [] : explainers.explain(task);
    };
    for await (const [unit, outcomes] of ordered(units, window, explain)) await writer.take(unit, outcomes);
    if (!signal.aborted) await writer.end();
  } finally {
    await writer.close();
  }
  stopIfAborted(signal);
}

/** Writes the outcomes, which come in the order of the items. */
class Writer {
  readonly #work: Work;
  readonly #ledger: Ledger;
  readonly #video: VideoSink;
  readonly #missing: MissingWatch<LedgerLines>;
  #failures = 0;
  #frames = 0;
  #hasSucceeded = false;

  constructor(work: Work, ledger: Ledger) {
    this.#work = work;
    this.#ledger = ledger;
    this.#video = new VideoSink(work.folder, work.manifest.options.vidStride);
    this.#missing = new MissingWatch(work.skipMissing);
  }

  async take(unit: Unit, outcomes: readonly Outcome[]): Promise<void> {
    for (const outcome of outcomes) this.#refuse(outcome);
    const [outcome] = outcomes;
    if (unit.kind === "frames") {
      await this.#video.add(unit, outcomes);
      this.#frames += outcomes.length;
    } else if (unit.kind === "kept") await this.#append(unit.lines);
    else if (unit.kind === "end") await this.#endVideo(unit);
    else if (outcome!.ok) await this.#image(unit.item.item, outcome!);
    else await this.#fail(unit, outcome!.code, outcome!.message, outcome!.reason);
    this.#reportProgress();
  }

  /** Throws errors that would occur for each item. */
  #refuse(outcome: Outcome): void {
    if (outcome.ok) this.#hasSucceeded = true;
    // If the runtime fails before the first success, the device or the model is the reason, and each image would fail.
    else if (outcome.endsTheRun || (outcome.code === "runtime" && !this.#hasSucceeded))
      throw new WhyboxError(outcome.code as WhyboxErrorCode, outcome.message);
  }

  async #image(item: number, { result, maps, ms, files, notes = [] }: Extract<Outcome, { ok: true }>): Promise<void> {
    for (const note of notes) this.#work.onNote?.(note);
    const lines = {
      [runFiles.results]: result,
      [runFiles.maps]: maps,
      [runFiles.timings]: timingLine(item, 1, ms),
    } satisfies LedgerLines;
    await this.#append(lines, files);
  }

  async #endVideo(unit: Extract<Unit, { kind: "end" }>): Promise<void> {
    this.#frames = 0;
    const { error } = unit;
    if (error !== undefined) {
      await this.#video.discard();
      const found = error.details.found;
      return this.#fail(unit, error.code, error.message, typeof found === "string" ? found : undefined);
    }
    const { lines, files } = await this.#video.end(unit);
    if (files.length === 0) this.#failures++;
    await this.#append(lines, files);
  }

  async #fail({ item: { item, source, kind } }: Unit, code: string, words: string, reason?: string): Promise<void> {
    const location = locationOf({ kind, source }, this.#work.manifest.root);
    const message = words.replaceAll(printable(location), printable(source));
    this.#failures++;
    this.#work.onFailure?.(source, message);
    const lines = failureLines(item, source, code, message);
    if (!(await this.#missing.keep(lines, location, reason))) await this.#append(lines);
  }

  async #append(lines: LedgerLines, files: readonly string[] = []): Promise<void> {
    for (const before of this.#missing.take()) await this.#ledger.append(before);
    await this.#ledger.append(lines, files);
  }

  async end(): Promise<void> {
    for (const lines of this.#missing.last()) await this.#ledger.append(lines);
    this.#reportProgress();
  }

  /** Writes the completed items to the disk, also after an error. */
  async close(): Promise<void> {
    await this.#video.discard();
    await this.#ledger.commit();
  }

  #reportProgress(): void {
    const { first, end, onProgress } = this.#work;
    onProgress?.({
      done: this.#ledger.next - first,
      total: end - first,
      failures: this.#failures,
      frames: this.#frames,
    });
  }
}
