import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "../io/exists.js";
import { damagedRun } from "./damage.js";
import { type LedgerLines, ledgerFiles } from "./ledger.js";
import { itemOf } from "./scan.js";
import { runFiles } from "./schema.js";
import { textLines } from "./text-lines.js";

/**
 * The whole lines of a repaired run, in the order of the items. They wait in `kept/` until it is their turn: the lines of a run are in the
 * order of its items, and items before them may have to be explained again.
 */
export class KeptLines {
  readonly #folder: string;
  readonly #files: readonly AsyncGenerator<string>[];
  #item: number | undefined;
  #lines: LedgerLines | undefined;

  private constructor(folder: string, files: readonly AsyncGenerator<string>[]) {
    this.#folder = folder;
    this.#files = files;
  }

  /** Opens the kept lines of a run from an item on; undefined if there are none. @throws bad-input if they are damaged. */
  static async open(folder: string, from: number): Promise<KeptLines | undefined> {
    const paths = ledgerFiles.map((name) => join(folder, runFiles.kept, name));
    if (!(await isThere(paths[0]!))) return undefined;
    const kept = new KeptLines(
      folder,
      paths.map((path) => textLines(createReadStream(path))),
    );
    do await kept.#read();
    while (kept.#item !== undefined && kept.#item < from);
    return kept;
  }

  /** Takes the lines of an item; undefined if it has none. Items are asked for in their order. */
  async take(item: number): Promise<LedgerLines | undefined> {
    if (this.#item !== item) return undefined;
    const lines = this.#lines;
    await this.#read();
    return lines;
  }

  async #read(): Promise<void> {
    const texts = await Promise.all(this.#files.map(async (file) => (await file.next()).value as string | undefined));
    if (texts.every((text) => text === undefined)) {
      [this.#item, this.#lines] = [undefined, undefined];
      return;
    }
    const items = texts.map((text) => itemOf(text ?? ""));
    const [first] = items;
    const isWhole = items.every((one) => "value" in one && "value" in first! && one.value === first.value);
    if (!isWhole) throw damagedRun(join(this.#folder, runFiles.kept), "its files do not fit together", this.#folder);
    this.#item = (first as { readonly value: number }).value;
    this.#lines = Object.fromEntries(ledgerFiles.map((name, i) => [name, texts[i]!])) as LedgerLines;
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.return(undefined);
  }
}

/** Removes the kept lines of a run, when each item has its line. */
export async function removeKept(folder: string): Promise<void> {
  await rm(join(folder, runFiles.kept), { recursive: true, force: true });
}
