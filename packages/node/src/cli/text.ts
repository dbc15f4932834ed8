import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { printable } from "@whybox/core";

/** Text of several lines, each printable. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\p{Extended_Pictographic}.*\ufe0f|\ufe0f\u20e3|\p{RI}{2}/u;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}]*$/u;

const graphemes = new Intl.Segmenter();

/** The parts of a text that a terminal shows as one character. */
export function charactersOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/** Returns the number of terminal columns of a text. East Asian characters and emoji take two columns, combining marks none. */
export function displayWidth(text: string): number {
  const visible = stripVTControlCharacters(text);
  if (/^[\x20-\x7e]*$/.test(visible)) return visible.length;
  let width = 0;
  for (const character of charactersOf(visible)) {
    if (!zeroWidth.test(character)) width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** A path as a user would type it: relative if it lies in the current folder, otherwise unchanged. */
export function typedPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short || ".";
}
