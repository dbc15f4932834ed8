import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { WhyboxError } from "@whybox/core";
import { writeError } from "../io/disk-failure.js";
import { syncFolder } from "../io/write-file.js";
import { damagedRun } from "./damage.js";
import { type Scanned, scanLines } from "./scan.js";
import { runFiles } from "./schema.js";

/** The files with one line per item. */
export const ledgerFiles = [runFiles.results, runFiles.maps, runFiles.timings] as const;

/** The lines of one item, without line breaks. */
export type LedgerLines = Readonly<Record<(typeof ledgerFiles)[number], string>>;

/** Maximum time and size of buffered lines before they are written to the disk together. */
const COMMIT_MS = 1_000;
const COMMIT_BYTES = 8 * 2 ** 20;
/** A crash during a commit leaves at most this many bytes of lines that other files lack. */
const MAX_SURPLUS = 4 * COMMIT_BYTES;

interface OpenFile {
  readonly file: FileHandle;
  /** Committed bytes. */
  size: number;
  /** Text that is not committed yet. */
  text: string;
}

/** The line files of a run. Line n belongs to item first + n in each file, so the completed items are a prefix of the list. */
export class Ledger {
  readonly #folder: string;
  readonly #first: number;
  readonly #files: ReadonlyMap<string, OpenFile>;
  #next: number;
  #waiting = 0;
  #committed = performance.now();
  #dirty = new Set<string>();

  private constructor(folder: string, first: number, next: number, files: ReadonlyMap<string, OpenFile>) {
    this.#folder = folder;
    this.#first = first;
    this.#next = next;
    this.#files = files;
  }

  /**
   * Opens or creates the files. It removes what a crash left: an incomplete line, a line of another item, and lines that are
   * missing in the other files.
   * @param first The item of the first line.
   * @throws output; bad-input when a file is damaged before whole lines.
   */
  static async open(folder: string, first: number): Promise<Ledger> {
    const files = new Map<string, OpenFile>();
    try {
      const paths = ledgerFiles.map((name) => join(folder, name));
      const found = await Promise.all(paths.map((path) => scanLines(path, first)));
      refuseDamage(folder, found);
      const lines = Math.min(...found.map((one) => one.lines));
      for (const [i, name] of ledgerFiles.entries()) {
        const size = found[i]!.lines === lines ? found[i]!.bytes : (await scanLines(paths[i]!, first, lines)).bytes;
        const file = await open(paths[i]!, "a");
        files.set(name, { file, size, text: "" });
        await file.truncate(size);
      }
      return new Ledger(folder, first, first + lines, files);
    } catch (cause) {
      await Promise.allSettled([...files.values()].map(({ file }) => file.close()));
      throw ledgerError(folder, "the run's files", cause);
    }
  }

  /** The item of the next lines. */
  get next(): number {
    return this.#next;
  }

  get first(): number {
    return this.#first;
  }

  /**
   * Adds the lines of the next item.
   * @param files The files that the lines refer to. Their folders are synced before the lines are written.
   */
  async append(lines: LedgerLines, files: readonly string[] = []): Promise<void> {
    for (const name of ledgerFiles) {
      this.#files.get(name)!.text += `${lines[name]}\n`;
      this.#waiting += lines[name].length;
    }
    for (const path of files) this.#dirty.add(dirname(path));
    this.#next++;
    if (this.#waiting > COMMIT_BYTES || performance.now() - this.#committed > COMMIT_MS) await this.commit();
  }

  /** Writes the buffered lines to the disk. @throws output. */
  async commit(): Promise<void> {
    let path = this.#folder;
    try {
      for (path of this.#dirty) await syncFolder(path);
      this.#dirty.clear();
      for (const [name, entry] of this.#files) {
        path = join(this.#folder, name);
        if (entry.text === "") continue;
        const bytes = Buffer.from(entry.text);
        entry.text = "";
        await entry.file.appendFile(bytes);
        await entry.file.sync();
        entry.size += bytes.length;
      }
    } catch (cause) {
      throw ledgerError(dirname(path), basename(path), cause);
    }
    this.#waiting = 0;
    this.#committed = performance.now();
  }

  /** Closes the files. Lines that are not committed are dropped. An incompletely written line is removed. */
  async close(): Promise<void> {
    for (const { file, size } of this.#files.values()) {
      await file.truncate(size).catch(() => undefined); // the next run truncates it again
      await file.close().catch(() => undefined);
    }
  }
}

/** @throws bad-input for what a crash does not leave: damage before whole lines, and a file that is missing or much shorter. */
function refuseDamage(folder: string, found: readonly Scanned[]): void {
  const most = Math.max(...found.map(({ lines }) => lines));
  const least = Math.min(...found.map(({ lines }) => lines));
  for (const [i, { damage, exists, lines, bytes }] of found.entries()) {
    const path = join(folder, ledgerFiles[i]!);
    if (damage !== undefined) throw damagedRun(`${path}, line ${damage.line}`, damage.found, folder);
    if (!exists && most > 0) throw damagedRun(path, "the file is missing, and other files have lines", folder);
    if (lines > least && bytes * (1 - least / lines) > MAX_SURPLUS)
      throw damagedRun(folder, `${ledgerFiles[i]} has ${lines} whole lines, and another file only ${least}`, folder);
  }
}

function ledgerError(folder: string, what: string, cause: unknown): WhyboxError {
  const more = " Completed items are kept; --resume continues from there.";
  return writeError(`Cannot write ${what} in ${folder}`, cause, { more, details: { folder } });
}
