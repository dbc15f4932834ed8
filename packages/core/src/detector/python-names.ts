import { WhyboxError } from "../errors.js";

const MAX_TEXT = 4_000_000;
const MAX_NAMES = 100_000;

/**
 * Parses class names from a model's metadata: a Python dict or list as `str()` writes it (`{0: 'person', 1: "it's"}`), or JSON.
 * The text is parsed and never evaluated. Control characters become spaces. The result has one name per class index, without gaps.
 *
 * @throws bad-input for invalid text, and for repeated or missing indices.
 * @throws limit when the text or the list of names is too long.
 */
export function parseNames(text: string): string[] {
  if (text.length > MAX_TEXT) {
    throw new WhyboxError("limit", `The class names have ${text.length} characters. The maximum is ${MAX_TEXT}.`);
  }
  const reader = new NamesReader(text);
  const entries = reader.entries();
  const names = Array.from({ length: entries.size }, (_, index) => entries.get(index));
  const hole = names.indexOf(undefined);
  if (hole >= 0) {
    throw new WhyboxError("bad-input", `The class names have ${names.length} entries, but none for class ${hole}.`);
  }
  return names.filter((name) => name !== undefined);
}

class NamesReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  entries(): Map<number, string> {
    this.#space();
    const open = this.#text[this.#at];
    const close = open === "{" ? "}" : open === "[" ? "]" : open === "(" ? ")" : this.#fail("a dict or a list");
    this.#at++;
    const entries = new Map<number, string>();
    while (!this.#take(close)) {
      const index = open === "{" ? this.#key() : entries.size;
      if (entries.has(index)) this.#fail(`one name for class ${index}`);
      entries.set(index, this.#scalar().replaceAll(/\p{Cc}/gu, " "));
      if (entries.size > MAX_NAMES)
        throw new WhyboxError("limit", `The model has too many class names. The maximum is ${MAX_NAMES}.`);
      if (!this.#take(",") && this.#peek() !== close) this.#fail(`"," or "${close}"`);
    }
    if (this.#peek() !== undefined) this.#fail("the end");
    return entries;
  }

  #key(): number {
    const text = this.#scalar();
    if (!/^\d{1,6}$/.test(text)) this.#fail("a class index");
    if (!this.#take(":")) this.#fail('":"');
    return Number(text);
  }

  /** A quoted string, or a bare word or number. YAML reads some names as 1 or True. */
  #scalar(): string {
    const quote = this.#peek();
    if (quote === "'" || quote === '"') return this.#quoted(quote);
    const word = /[\w.+-]+/y;
    word.lastIndex = this.#at;
    const found = word.exec(this.#text)?.[0] ?? this.#fail("a quoted name");
    this.#at += found.length;
    return found;
  }

  #quoted(quote: string): string {
    let value = "";
    for (this.#at++; this.#text[this.#at] !== quote; this.#at++) {
      const char = this.#text[this.#at] ?? this.#fail(`a closing ${quote}`);
      value += char === "\\" ? this.#escape() : char;
    }
    this.#at++;
    return value;
  }

  /** Reads an escape sequence and leaves the position on its last character. */
  #escape(): string {
    const pattern = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U(00[\da-fA-F]{6})|([\s\S]))/y;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? this.#fail("an escape");
    this.#at += found[0].length - 1;
    const code = Number.parseInt(found[1] ?? found[2] ?? found[3] ?? "", 16);
    if (!Number.isNaN(code)) return code <= 0x10ffff ? String.fromCodePoint(code) : this.#fail("a character");
    const char = found[4]!;
    return ESCAPES.get(char) ?? char;
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #peek(): string | undefined {
    this.#space();
    return this.#text[this.#at];
  }

  #take(char: string): boolean {
    const isNext = this.#peek() === char;
    if (isNext) this.#at++;
    return isNext;
  }

  #fail(expected: string): never {
    const found =
      this.#text[this.#at] === undefined ? "the end" : JSON.stringify(this.#text.slice(this.#at, this.#at + 20));
    throw new WhyboxError(
      "bad-input",
      `Cannot read the class names at character ${this.#at}: found ${found}, expected ${expected}. Give the names in a file instead.`,
      { details: { at: this.#at, expected } },
    );
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["b", "\b"],
  ["f", "\f"],
]);

/** A dict of class names in Python syntax, as the official export writes it: `{0: 'person', 1: …}`. */
export function pythonDict(names: readonly string[]): string {
  const quote = (name: string): string => {
    const escaped = name.replaceAll("\\", "\\\\");
    return escaped.includes("'") && !escaped.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`;
  };
  return `{${names.map((name, i) => `${i}: ${quote(name)}`).join(", ")}}`;
}
