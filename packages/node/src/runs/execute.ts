import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { writeFileSafely } from "../io/write-file.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { Ledger, type LedgerLines } from "./ledger.js";
import { lockFolder } from "./lock.js";
import { MissingWatch } from "./missing.js";
import { ordered } from "./ordered.js";
import { type Manifest, runFiles, type SuccessMark } from "./schema.js";
import { readItems } from "./sources/item-list.js";
import { locationOf } from "./sources/list-items.js";
import { readSuccess, successOf } from "./success.js";
import type { Explainers, Outcome } from "./task.js";
import { taskOf, type Unit, unitsOf } from "./units.js";
import { failureLines, timingLine, VideoSink } from "./video-sink.js";

/** A part of a run, or all of it, and where its results go. */
export interface Work {
  readonly manifest: Manifest;
  /** Path of the item list. */
  readonly items: string;
  /** Items `[first, end)`. */
  readonly first: number;
  readonly end: number;
  /** An item at or before `first`, and the byte where its line begins in the list. */
  readonly start?: { readonly item: number; readonly offset: number };
  /** Absolute; it exists. */
  readonly folder: string;
  readonly skipMissing: boolean;
  readonly signal: AbortSignal;
  /** After every item and every frame. */
  readonly onProgress?: (progress: WorkProgress) => void;
  /** Of an item that could not be explained. */
  readonly onFailure?: (source: string, message: string) => void;
  readonly onWait?: (message: string) => void;
}

export interface WorkProgress {
  /** Items that have their lines, those of earlier runs included. */
  readonly done: number;
  readonly total: number;
  /** Of this run of the program. */
  readonly failures: number;
  /** Frames of the video under way. */
  readonly frames: number;
}

/**
 * Does what is not done yet of some items of a run, and marks the folder when all of it is. Doing it again does nothing.
 * @param explainers is asked for when there is something to do.
 * @throws what ends a run: output, aborted, unsupported-model, bad-input when the sources went away. What is done stays.
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
      if (ledger.next < work.end) await explainRest(work, ledger, await explainers());
    } finally {
      await ledger.close();
    }
    const mark = await successOf(work.folder, work);
    await rm(temporary, { recursive: true, force: true });
    await writeFileSafely(join(work.folder, runFiles.success), `${JSON.stringify(mark, null, 2)}\n`);
    return mark;
  } finally {
    await lock.release();
  }
}

function refuseSurplus({ next }: Ledger, { folder, first, end }: Work): void {
  if (next <= end) return;
  throw new WhyboxError(
    "bad-input",
    `${folder} has lines of ${next - first} items; expected at most ${end - first}. Does it belong to another run?`,
  );
}

async function explainRest(work: Work, ledger: Ledger, explainers: Explainers): Promise<void> {
  const { manifest, signal, folder } = work;
  const { vidStride, mapStride, maxFrames, allowPrivate } = manifest.options;
  const items = readItems(work.items, { first: ledger.next, end: work.end }, work.start);
  const units = unitsOf(items, { root: manifest.root, vidStride, mapStride, maxFrames, allowPrivate, signal });
  // Many frames in each are enough work, and take memory.
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

/** Takes outcomes in the order of the items and writes them down. */
class Writer {
  readonly #work: Work;
  readonly #ledger: Ledger;
  readonly #video: VideoSink;
  readonly #missing: MissingWatch;
  #failures = 0;
  #frames = 0;
  #worked = false;

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
    } else if (unit.kind === "end") await this.#endVideo(unit);
    else if (outcome!.ok) await this.#picture(unit.item.item, outcome!);
    else await this.#fail(unit, outcome!.code, outcome!.message, outcome!.reason);
    this.#tell();
  }

  /** What every other item would meet, too. */
  #refuse(outcome: Outcome): void {
    if (outcome.ok) this.#worked = true;
    // A device or a model that the runtime has refused before anything worked will be refused for every picture.
    else if (outcome.endsTheRun || (outcome.code === "runtime" && !this.#worked))
      throw new WhyboxError(outcome.code as WhyboxErrorCode, outcome.message);
  }

  async #picture(item: number, { result, maps, ms, files }: Extract<Outcome, { ok: true }>): Promise<void> {
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
    const message = words.replaceAll(location, source);
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
    this.#tell();
  }

  /** Whatever happened, what is done goes to the disk, as far as it takes it. */
  async close(): Promise<void> {
    await this.#video.discard();
    await this.#ledger.commit();
  }

  #tell(): void {
    const { first, end, onProgress } = this.#work;
    onProgress?.({
      done: this.#ledger.next - first,
      total: end - first,
      failures: this.#failures,
      frames: this.#frames,
    });
  }
}
