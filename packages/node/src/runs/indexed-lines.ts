import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { isThere } from "../io/exists.js";
import { readLine } from "./damage.js";
import { ledgerFiles } from "./ledger.js";
import { completeLines } from "./scan.js";
import { mapLineSchema, resultLineSchema, runFiles, timingLineSchema } from "./schema.js";

const schemas = {
  [runFiles.results]: resultLineSchema,
  [runFiles.maps]: mapLineSchema,
  [runFiles.timings]: timingLineSchema,
} as const satisfies Record<(typeof ledgerFiles)[number], z.ZodType>;

type Name = keyof typeof schemas;

/** A whole line: as text, and as data. */
export interface WholeLine<N extends Name> {
  readonly text: string;
  readonly value: z.output<(typeof schemas)[N]>;
}

interface Place {
  readonly file: FileHandle;
  readonly offset: number;
  readonly length: number;
}

/** The whole lines of a damaged run, by item. An item may have several. */
export interface LineReader {
  of<N extends Name>(name: N, item: number): Promise<readonly WholeLine<N>[]>;
  close(): Promise<void>;
}

/**
 * Finds the whole lines of a run: of its own files, and of those that an earlier repair kept. Only their places stay in memory, some 100
 * bytes for each.
 * @param damaged Called for each line that is not whole, or does not follow the one before it.
 */
export async function indexLines(
  folder: string,
  range: { readonly first: number; readonly end: number },
  damaged: (found: string) => void,
): Promise<LineReader> {
  const files: FileHandle[] = [];
  const index = new Map<Name, Map<number, Place[]>>();
  for (const name of ledgerFiles) {
    const places = new Map<number, Place[]>();
    index.set(name, places);
    for (const relative of [name, join(runFiles.kept, name)]) {
      const path = join(folder, relative);
      if (!(await isThere(path))) continue;
      const file = await open(path, "r");
      files.push(file);
      const found = (text: string) => relative === name && damaged(text);
      await indexFile({ path, relative, file, places, range, found, schema: schemas[name] });
    }
  }
  return {
    of: async <N extends Name>(name: N, item: number) => {
      const places = index.get(name)!.get(item) ?? [];
      return Promise.all(places.map((place) => readPlace(place, schemas[name]) as Promise<WholeLine<N>>));
    },
    close: async () => void (await Promise.allSettled(files.map((file) => file.close()))),
  };
}

interface IndexParts {
  readonly path: string;
  /** The path for messages. */
  readonly relative: string;
  readonly file: FileHandle;
  readonly places: Map<number, Place[]>;
  readonly range: { readonly first: number; readonly end: number };
  readonly found: (text: string) => void;
  readonly schema: z.ZodType;
}

async function indexFile({ path, relative, file, places, range, found, schema }: IndexParts): Promise<void> {
  let [number, expected, end] = [0, range.first, 0];
  for await (const { text, offset, length } of completeLines(path)) {
    number++;
    end = offset + length;
    const read = readLine(text, schema);
    const where = `${relative}, line ${number}`;
    if ("wrong" in read) {
      found(`${where}: ${read.wrong}`);
      expected++;
      continue;
    }
    const { item } = read.value as { readonly item: number };
    if (item !== expected) found(`${where}: it is of item ${item}, expected item ${expected}`);
    if (item < range.first || item >= range.end) continue;
    expected = item + 1;
    places.set(item, [...(places.get(item) ?? []), { file, offset, length }]);
  }
  if ((await file.stat()).size > end) found(`${relative}, line ${number + 1}: it is cut off`);
}

async function readPlace<T extends z.ZodType>({ file, offset, length }: Place, schema: T) {
  const buffer = Buffer.alloc(length - 1);
  await file.read(buffer, 0, buffer.length, offset);
  const text = buffer.toString("utf8");
  return { text, value: schema.parse(JSON.parse(text)) };
}
