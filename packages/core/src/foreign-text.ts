/**
 * Text from outside (models, files, servers) is data. The functions of this module show it without letting it act: characters that a
 * terminal obeys, that reorder a line, or that cannot be seen become escapes (docs/architecture.md, "Text from outside").
 */

/** An emoji, with the invisible characters that belong to it. These stay. */
const emoji =
  "\\p{Extended_Pictographic}[\\u{1f3fb}-\\u{1f3ff}]?[\\ufe0e\\ufe0f]?(?:\\u200d\\p{Extended_Pictographic}[\\u{1f3fb}-\\u{1f3ff}]?\\ufe0f?)*|[0-9#*]\\ufe0f\\u20e3";

/** Control characters, lone surrogates, line separators, direction marks, and everything without width. */
const foreign = "[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\ufff9-\\ufffb]";

const emojiOrForeign = new RegExp(`(${emoji})|${foreign}`, "gu");
const plain = /^[\x20-\x7e]*$/;

/** What is never cut in two: an emoji, a flag, an escape, a letter with its accents (the first eight of them). */
const unit = new RegExp(
  `${emoji}|\\p{RI}{2}|${/\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\u\{[0-9a-f]+\}/.source}|[^]\\p{M}{0,8}`,
  "gu",
);

/**
 * The text with escapes instead of characters that a terminal obeys, that change the direction of a line, or that are invisible:
 * `\x1b`, `\u202e`, `\u{e0041}`. Nothing is removed, so two names that differ look different. Line breaks are escaped too.
 */
export function printable(text: string): string {
  return escaped(text, (code) => {
    const hex = code.toString(16);
    return code < 256 ? `\\x${hex.padStart(2, "0")}` : code < 65536 ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
  });
}

/** Most characters of a name in a message. */
const MAX_NAME = 80;

/** A name for a message: printable, and at most `max` characters of it, with the number of all if it is cut. */
export function shown(name: string, max = MAX_NAME): string {
  if (name.length <= max && plain.test(name)) return name;
  const head = startOf(name, max);
  return head.length === name.length ? printable(name) : `${printable(head)}… [${lengthOf(name)} characters]`;
}

/** JSON of a value, with escapes for the same characters. It is well-formed, and a reader gets the same value. */
export function jsonText(value: unknown, indent?: number): string {
  return safeJson(JSON.stringify(value, null, indent));
}

/** Escapes these characters in JSON that another program made. Line breaks between values stay. */
export function safeJson(json: string): string {
  return json.split("\n").map(jsonEscaped).join("\n");
}

function jsonEscaped(line: string): string {
  return escaped(line, (code) => {
    const units = [...String.fromCodePoint(code)].flatMap((char) => char.split(""));
    return units.map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
  });
}

const MAX_WORD = { start: 200, end: 100 };
const MAX_MESSAGE = { start: 2600, end: 1200 };

/**
 * The message of an error: printable, without words of more than 300 characters, and of at most 3,800. What is cut is the middle: a
 * message starts with the place and ends with the remedy.
 * @param lines True to keep line breaks.
 */
export function messageText(text: string, { lines }: { readonly lines: boolean }): string {
  if (text.length <= MAX_WORD.start && plain.test(text)) return text;
  const safe = (lines ? text.split("\n") : [text]).map(printable).join("\n");
  return withoutMiddle(
    safe.replace(/\S{301,}/gu, (word) => withoutMiddle(word, MAX_WORD)),
    MAX_MESSAGE,
  );
}

function withoutMiddle(text: string, { start, end }: { readonly start: number; readonly end: number }): string {
  if (text.length <= start + end) return text;
  return `${startOf(text, start)}… [${lengthOf(text)} characters] …${endOf(text, end)}`;
}

/** The last units of a text, at most `max` code units. */
function endOf(text: string, max: number): string {
  // The first units may begin in the middle of one. They are not taken.
  const part = text.slice(-max - 64);
  const start = Array.from(part.matchAll(unit), ({ index }) => index).find((index) => index >= part.length - max);
  return start === undefined ? "" : part.slice(start);
}

/** The first units of a text, at most `max` code points. */
function startOf(text: string, max: number): string {
  let [left, end] = [max, 0];
  // A unit has at most a few code points, but a code point may have two code units.
  for (const [piece] of text.slice(0, 4 * max + 64).matchAll(unit)) {
    left -= lengthOf(piece);
    if (left < 0) break;
    end += piece.length;
  }
  return text.slice(0, end);
}

/** Number of code points. */
function lengthOf(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function escaped(text: string, form: (code: number) => string): string {
  if (plain.test(text)) return text;
  return text.replace(emojiOrForeign, (found: string, kept: string | undefined) => kept ?? form(found.codePointAt(0)!));
}

export interface FileNameOptions {
  /** Most bytes of the name in UTF-8. Default: 180, so that a number and a suffix fit into the 255 bytes that file systems allow. */
  readonly maxBytes?: number;
  /** The name instead of an empty one. */
  readonly fallback: string;
}

/** Characters that Windows refuses, that separate folders, or that are invisible. */
const notInFileNames = /[<>:"/\\|?*\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Names of devices on Windows, alone or before a dot: `aux`, `con.txt`, `nul .tar.gz`. */
const device = /^(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])\s*(\.|$)/i;

/**
 * A name from outside as the name of a file or a folder on every system: no separators, no characters and no names that Windows refuses,
 * no dot, space or minus at the start, no dot or space at the end.
 */
export function fileName(name: string, { maxBytes = 180, fallback }: FileNameOptions): string {
  const safe = name
    .normalize("NFC")
    .replace(notInFileNames, "_")
    .replace(/^[.\s-]+/, "_");
  const cut = startOfBytes(safe, maxBytes);
  if (cut === "") return fallback;
  return device.test(cut) ? startOfBytes(`_${cut}`, maxBytes) : cut;
}

/** The first characters of a text, at most so many bytes of them in UTF-8, without dots and spaces at the end. */
function startOfBytes(text: string, max: number): string {
  let [bytes, end] = [0, 0];
  for (const character of text) {
    bytes += utf8.encode(character).length;
    if (bytes > max) break;
    end += character.length;
  }
  return text.slice(0, end).replace(/[.\s]+$/, "");
}

const utf8 = new TextEncoder();
