import {
  type AnyCamMethod,
  didYouMean,
  expectedOf,
  inRange,
  type NumberKind,
  type OptionKind,
  resolveMethod,
  resolveScore,
  sideOf,
  WhyboxError,
} from "@whybox/core";

/** Plain decimal numbers. Hex, "Infinity" and empty text are invalid (Number("") is 0). */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const integer = /^[+-]?\d+$/;

/** The bounds lie far outside any image. */
const coordinate: NumberKind = { kind: "number", min: -1e6, max: 1e6 };

/**
 * Reads the value of an option from the typed value of its flag: true, a word, or several words. The class of a box has its own option
 * and is empty here.
 * @throws usage: says what was expected and what was found.
 */
export function readWords(kind: OptionKind, typed: unknown, methods: readonly AnyCamMethod[]): unknown {
  if (kind.kind === "flag") return typed;
  const words = [typed].flat().map(String);
  switch (kind.kind) {
    case "scores":
      return [...new Set(words.map((word) => idOf(word, resolveScore)))];
    case "method":
      return idOf(words[0]!, (word) => resolveMethod(word, methods));
    case "layers":
      return readLayers(words);
    case "list":
      return readList(kind.of, words);
    case "size":
      return readSize(kind.max, words);
    case "box":
      return readBox(words);
    default:
      return readWord(kind, words[0]!);
  }
}

/** Reads the value of an option from one word. @throws usage */
export function readWord(kind: Exclude<OptionKind, { kind: "flag" }>, word: string): unknown {
  if (kind.kind === "number") return checked(expectedOf(kind), word, numberOf(kind, word));
  if (kind.kind === "choice") {
    const found = kind.choices.find((choice) => choice === word);
    return checked(expectedOf(kind), word, found, didYouMean(word, kind.choices));
  }
  return checked(expectedOf(kind), word, word.trim() === "" || /^--[a-z]/i.test(word) ? undefined : word);
}

function numberOf(kind: NumberKind, word: string): number | undefined {
  const form = kind.whole ? integer : decimal;
  return form.test(word) && inRange(kind, Number(word)) ? Number(word) : undefined;
}

/** Returns the id of a method or score from its name or an alias. Unknown names throw with the message of core. */
function idOf(word: string, resolve: (word: string) => { readonly id: string }): string {
  try {
    return resolve(word).id;
  } catch (error) {
    if (error instanceof WhyboxError) throw new WhyboxError("usage", `${error.message}${swallowedHint(word)}`);
    throw error;
  }
}

/** An index becomes a number; negative indices count from the end. Everything else is a name. */
function readLayers(words: readonly string[]): "auto" | (number | string)[] {
  const layers = words.map((word) => {
    const isFlag = word.trim() === "" || /^--?[a-z]/i.test(word);
    const layer = integer.test(word) && Number.isSafeInteger(Number(word)) ? Number(word) : word;
    return checked('a layer index, a layer name or "auto"', word, isFlag ? undefined : layer);
  });
  if (!layers.includes("auto")) return layers;
  if (layers.length > 1) {
    throw new WhyboxError("usage", '"auto" cannot be combined with other layers.');
  }
  return "auto";
}

/** Choices without repetition, in the order of the table. Other entries as typed. */
function readList(of: OptionKind & { kind: "choice" | "text" | "number" }, words: readonly string[]): unknown[] {
  const entries = words.map((word) => readWord(of, word));
  return of.kind === "choice" ? of.choices.filter((choice) => entries.includes(choice)) : entries;
}

function readSize(max: number, words: readonly string[]): readonly [number, number] {
  if (words.length > 2) {
    throw new WhyboxError("usage", "expected one size, or a height and a width. Put sources first, or after --.");
  }
  const [height, width = height] = words.map((word) => readWord(sideOf(max), word) as number);
  return [height!, width!];
}

function readBox(words: readonly string[]): object {
  if (words.length !== 4) {
    throw new WhyboxError("usage", "expected four numbers (left, top, right, bottom). Put sources first, or after --.");
  }
  const [x1, y1, x2, y2] = words.map((word) => readWord(coordinate, word) as number);
  return { x1, y1, x2, y2, className: "" };
}

function checked<T>(expected: string, word: string, value: T | undefined, hint = ""): T {
  if (value !== undefined) return value;
  throw new WhyboxError("usage", `expected ${expected}, got "${word}".${hint}${swallowedHint(word)}`);
}

/** An option always takes the next word. This hint explains it when the word looks like another option or like a source. */
function swallowedHint(word: string): string {
  if (/^--?[a-z]/i.test(word)) return ` The option before ${word} has no value.`;
  return /[./\\]/.test(word) && !decimal.test(word) ? " If it is a source, put it first, or after --." : "";
}

/** "maxDetections" → "--max-detections". */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
