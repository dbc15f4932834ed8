import { createReadStream } from "node:fs";
import { isThere } from "../io/exists.js";
import { readJsonLine } from "./damage.js";
import { runFilesVersion } from "./schema.js";

/** The complete lines at the start of a file. */
export interface Scanned {
  /** False if there is no such file. */
  readonly exists: boolean;
  readonly lines: number;
  readonly bytes: number;
  /** The first line that is not whole although whole lines come after it: a crash does not leave that. */
  readonly damage: { readonly line: number; readonly found: string } | undefined;
}

/**
 * Counts the whole lines at the start of a file that belong to the items first, first + 1, …, at most `limit`. What follows may be what a
 * crash leaves: a torn line, or zeros instead of text.
 */
export async function scanLines(path: string, first: number, limit = Number.POSITIVE_INFINITY): Promise<Scanned> {
  const exists = await isThere(path);
  let [lines, bytes] = [0, 0];
  let wrong: string | undefined;
  let damage: Scanned["damage"];
  if (exists && limit > 0) {
    for await (const { text, length } of completeLines(path)) {
      const found = itemOf(text);
      if (wrong !== undefined) {
        if ("wrong" in found || found.value < first) continue;
        damage = { line: lines + 1, found: wrong };
        break;
      }
      if ("wrong" in found) wrong = found.wrong;
      else if (found.value !== first + lines) wrong = `it is of item ${found.value}, expected item ${first + lines}`;
      else {
        lines++;
        bytes += length;
        if (lines >= limit) break;
      }
    }
  }
  return { exists, lines, bytes, damage };
}

/** The item of a line, or what is wrong with the line. */
export function itemOf(text: string): { readonly value: number } | { readonly wrong: string } {
  const json = readJsonLine(text);
  if ("wrong" in json) return json;
  const { v, item } = (json.value ?? {}) as { readonly v?: unknown; readonly item?: unknown };
  if (v !== runFilesVersion || !Number.isSafeInteger(item)) return { wrong: "it is no line of a run" };
  return { value: item as number };
}

/** A longer line is not of a run. Only its start is kept. */
const MAX_LINE = 2 ** 27;

/** Yields the lines of a file that end with a line break, with their place and their length in bytes, line break included. */
export async function* completeLines(
  path: string,
): AsyncGenerator<{ readonly text: string; readonly offset: number; readonly length: number }> {
  let parts: Buffer[] = [];
  let [offset, length] = [0, 0];
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    for (let start = 0; start < chunk.length; ) {
      const end = chunk.indexOf(10, start);
      const part = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (length < MAX_LINE) parts.push(part);
      length += part.length;
      start = end < 0 ? chunk.length : end + 1;
      if (end < 0) continue;
      const line = parts.length === 1 ? part : Buffer.concat(parts);
      yield { text: line.toString("utf8"), offset, length: length + 1 };
      offset += length + 1;
      [parts, length] = [[], 0];
    }
  }
}
