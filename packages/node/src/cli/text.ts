import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/**
 * Makes text from a file, a model or a server safe for a terminal. Escape sequences are removed. Control characters and direction
 * overrides are shown as escapes. Line breaks stay when `keepLines` is set.
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

/** Returns the number of terminal columns of a text. East Asian characters and emoji take two columns, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (zeroWidth.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** A path as a user would type it: relative if it lies in the current folder, otherwise unchanged. */
export function typedPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short || ".";
}
