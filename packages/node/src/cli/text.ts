import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/**
 * Text from a file, a model or a server, made safe for a terminal: escape sequences and control characters are shown,
 * never obeyed; direction overrides cannot reorder the line. Line breaks stay when `keepLines` is set.
 */
export function printable(text: string, { keepLines = false } = {}): string {
  return stripVTControlCharacters(text).replace(
    /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (c) => {
      if (keepLines && c === "\n") return c;
      return `\\u${c.codePointAt(0)!.toString(16).padStart(4, "0")}`;
    },
  );
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const zeroWidth = /\p{Mn}|\p{Me}|\u200b|\u200c|\u200d/u;

/** Columns that the text takes in a terminal: East Asian characters and pictographs take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (zeroWidth.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** "1 picture", "2 pictures". */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}

/** A path as people type it: from the current folder where it lies below, else whole, so that it is right on other machines too. */
export function typedPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short || ".";
}
