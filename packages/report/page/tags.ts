import { useLayoutEffect, useState } from "preact/hooks";
import {
  kindNumber,
  maxNote,
  type TaggedDetection,
  type TagName,
  type TagsFile,
  tagNames,
  tagsFormat,
  tagsVersion,
} from "../src/format.js";
import type { ReportData } from "./data.js";

/** What a person says about a row. */
export interface RowTag {
  readonly tags: readonly TagName[];
  readonly note: string;
}

export const tagTitles: Readonly<Record<TagName, string>> = { shortcut: "Shortcut", bug: "Bug", fine: "Fine" };
export const tagKeys: Readonly<Record<TagName, string>> = { shortcut: "s", bug: "b", fine: "f" };

const nothing: RowTag = { tags: [], note: "" };

/**
 * The tags and notes of the rows. They start as those in the report, with the changes that this browser kept since. Each change is kept, and is
 * in a file only after it is saved.
 */
export class Tags {
  readonly #data: ReportData;
  readonly #key: string;
  readonly #rows = new Map<number, RowTag>();
  readonly #listeners = new Set<() => void>();
  /** Whether there are changes that are not in a file. */
  #isChanged = false;

  constructor(data: ReportData) {
    this.#data = data;
    const { title, model, rows, images } = data.facts;
    this.#key = `whybox-tags:${model.slice(0, 16)}:${title}:${rows}:${images}`;
    for (const { row, tags, note } of data.facts.tags) this.#rows.set(row, { tags, note });
    for (const [row, tag] of this.#kept()) this.#put(row, tag);
  }

  of(row: number): RowTag {
    return this.#rows.get(row) ?? nothing;
  }

  get size(): number {
    return this.#rows.size;
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Gives a tag to all these rows, or takes it from them if all have it. */
  toggle(rows: readonly number[], tag: TagName): void {
    const all = rows.every((row) => this.of(row).tags.includes(tag));
    for (const row of rows) {
      const { tags, note } = this.of(row);
      const others = tags.filter((one) => one !== tag);
      this.#put(row, { tags: tagNames.filter((one) => others.includes(one) || (one === tag && !all)), note });
    }
    this.#changed();
  }

  note(row: number, note: string): void {
    this.#put(row, { tags: this.of(row).tags, note: note.slice(0, maxNote) });
    this.#changed();
  }

  /** The content of a file of tags. */
  file(): TagsFile {
    const { title, root, model } = this.#data.facts;
    const tags = [...this.#rows].sort(([a], [b]) => a - b).map(([row, tag]) => taggedOf(this.#data, row, tag));
    return { format: tagsFormat, version: tagsVersion, run: { title, root, model }, tags };
  }

  saved(): void {
    this.#isChanged = false;
    this.#tell();
  }

  /** @returns A function that ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #put(row: number, tag: RowTag): void {
    if (tag.tags.length === 0 && tag.note === "") this.#rows.delete(row);
    else this.#rows.set(row, tag);
  }

  #changed(): void {
    this.#isChanged = true;
    const given = new Map(this.#data.facts.tags.map(({ row }) => [row, nothing]));
    try {
      // Rows whose tags were removed are kept too, so that those in the report do not come back.
      localStorage.setItem(this.#key, JSON.stringify([...new Map([...given, ...this.#rows])]));
    } catch {
      // Without storage, or when it is full, the tags last as long as the page.
    }
    this.#tell();
  }

  #kept(): readonly (readonly [number, RowTag])[] {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? "[]") as readonly (readonly [number, RowTag])[];
      const { rows } = this.#data.facts;
      const valid = kept.filter(([row, tag]) => row >= 0 && row < rows && isTag(tag));
      this.#isChanged = valid.length > 0;
      return valid;
    } catch {
      return [];
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function isTag(tag: RowTag): boolean {
  return tag.tags.every((one) => tagNames.includes(one)) && typeof tag.note === "string";
}

function taggedOf(data: ReportData, row: number, { tags, note }: RowTag): TaggedDetection {
  const { columns, list } = data;
  const image = columns.image[row]!;
  const frame = list.frame[image]!;
  const isMissed = columns.kind[row] === kindNumber("missed");
  const { x1, y1, x2, y2 } = columns;
  const box = [x1, y1, x2, y2].map((corner) => Math.round(corner[row]! * 1e3) / 1e3);
  return {
    ...{ source: list.source[image]!, frame: frame < 0 ? null : frame },
    ...{
      detection: isMissed ? null : columns.place[row]!,
      name: data.classNames[columns.class[row]!] ?? "?",
      box,
      tags,
      note,
    },
  };
}

/** Renders the component again at each change of the tags. @returns The number of changes so far. */
export function useTags(tags: Tags): number {
  const [changes, setChanges] = useState(0);
  useLayoutEffect(() => tags.subscribe(() => setChanges((old) => old + 1)), [tags]);
  return changes;
}

interface SavePicker {
  showSaveFilePicker?(options: object): Promise<{
    createWritable(): Promise<{ write(text: string): Promise<void>; close(): Promise<void> }>;
  }>;
}

/** Saves the tags as a file: the browser asks where, or downloads it. */
export async function saveTags(tags: Tags): Promise<void> {
  const text = `${JSON.stringify(tags.file(), null, 2)}\n`;
  const picker = (globalThis as SavePicker).showSaveFilePicker;
  if (picker === undefined) download(text);
  else {
    const types = [{ description: "Tags", accept: { "application/json": [".json"] } }];
    try {
      const file = await (await picker.call(globalThis, { suggestedName: "tags.json", types })).createWritable();
      await file.write(text);
      await file.close();
    } catch (error) {
      if ((error as Error).name === "AbortError") return; // The user closed the dialog.
      download(text);
    }
  }
  tags.saved();
}

function download(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "tags.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
