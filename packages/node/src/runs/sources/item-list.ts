import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { jsonText, WhyboxError } from "@whybox/core";
import { itemSchema, type RunItem } from "../schema.js";
import { textLines } from "../text-lines.js";

/** Number of items to sort in memory. A longer list is sorted in parts on the disk. */
const CHUNK = 200_000;

export interface WrittenItems {
  readonly count: number;
  readonly sha256: string;
  /** Number of removed duplicates. */
  readonly repeated: number;
}

/**
 * Writes an item list, sorted by source, without duplicates. It keeps at most 200 000 items in memory, and one item of each part of
 * a longer list.
 * @param folder The folder for temporary parts.
 */
export async function writeItems(
  items: AsyncIterable<RunItem>,
  path: string,
  folder: string,
  chunk = CHUNK,
): Promise<WrittenItems> {
  await mkdir(folder, { recursive: true });
  const parts: string[] = [];
  let held: string[] = [];
  for await (const { kind, source } of items) {
    // A path cannot contain NUL, and NUL sorts first, so the order of the keys is the order of the sources.
    held.push(`${source}\0${kind}`);
    if (held.length < chunk) continue;
    parts.push(await spill(held, join(folder, `items-${parts.length}`)));
    held = [];
  }
  return writeSorted(merge([...parts.map(readPart), memory(held)]), path);
}

async function spill(held: string[], path: string): Promise<string> {
  const file = await open(path, "w");
  try {
    let text = "";
    for (const key of held.sort()) {
      text += `${JSON.stringify(key)}\n`;
      if (text.length < 2 ** 20) continue;
      await file.appendFile(text);
      text = "";
    }
    await file.appendFile(text);
  } finally {
    await file.close();
  }
  return path;
}

async function* readPart(path: string): AsyncGenerator<string> {
  for await (const line of textLines(createReadStream(path, "utf8"))) yield JSON.parse(line);
}

async function* memory(held: string[]): AsyncGenerator<string> {
  yield* held.sort();
}

/** Merges sorted parts: yields the smallest of their next values. */
async function* merge(parts: readonly AsyncGenerator<string>[]): AsyncGenerator<string> {
  const heads = await Promise.all(parts.map((part) => part.next()));
  for (;;) {
    let best = -1;
    for (const [i, head] of heads.entries()) {
      if (!head.done && (best < 0 || head.value < (heads[best]!.value as string))) best = i;
    }
    if (best < 0) return;
    yield heads[best]!.value as string;
    heads[best] = await parts[best]!.next();
  }
}

async function writeSorted(keys: AsyncIterable<string>, path: string): Promise<WrittenItems> {
  const hash = createHash("sha256");
  const file = await open(path, "w");
  let [count, repeated, last, text] = [0, 0, "", ""];
  const flush = async () => {
    hash.update(text);
    await file.appendFile(text);
    text = "";
  };
  try {
    for await (const key of keys) {
      const [source, kind] = key.split("\0") as [string, RunItem["kind"]];
      if (source === last && count > 0) {
        repeated++;
        continue;
      }
      text += `${jsonText({ kind, source } satisfies RunItem)}\n`;
      last = source;
      count++;
      if (text.length >= 2 ** 20) await flush();
    }
    await flush();
    await file.sync();
  } finally {
    await file.close();
  }
  return { count, sha256: hash.digest("hex"), repeated };
}

export interface NumberedItem extends RunItem {
  readonly item: number;
}

/**
 * Yields the items `[first, end)` of a list.
 * @param start The item whose line starts at byte `offset`.
 * @throws bad-input when the list is damaged or too short.
 */
export async function* readItems(
  path: string,
  { first, end }: { readonly first: number; readonly end: number },
  { item: start, offset } = { item: 0, offset: 0 },
): AsyncGenerator<NumberedItem> {
  if (first >= end) return;
  let item = start;
  for await (const line of textLines(createReadStream(path, { encoding: "utf8", start: offset }))) {
    if (item >= first) yield { ...parseItem(line, item, path), item };
    if (++item >= end) return;
  }
  throw new WhyboxError(
    "bad-input",
    `${path} has ${item} items; expected at least ${end}. The run's folder is damaged. Start a new run in another folder.`,
  );
}

function parseItem(line: string, item: number, path: string): RunItem {
  try {
    return itemSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new WhyboxError(
      "bad-input",
      `${path}, line ${item + 1}: invalid item. The run's folder is damaged. Start a new run in another folder.`,
      {
        cause,
      },
    );
  }
}
