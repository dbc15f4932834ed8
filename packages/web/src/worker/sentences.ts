/**
 * The sentences of the engine are not in the script: the build keeps them in a file beside it (plugins/sentences.ts), and puts calls of
 * `sentence` in their place. Most visits need none of them. What leaves the worker goes through `inFull`, which loads the file if there
 * is anything to fill in.
 */
const [OPEN, NEXT, CLOSE] = ["\u0001", "\u0002", "\u0003"];
// biome-ignore lint/suspicious/noControlCharactersInRegex: the marks of above
const INNERMOST = /\u0001(\d+)((?:\u0002[^\u0001-\u0003]*)*)\u0003/g;

/** Stands for the template of that number with its values, until `inFull`. */
export function sentence(id: number, ...values: unknown[]): string {
  return [`${OPEN}${id}`, ...values.map(String)].join(NEXT) + CLOSE;
}

/** The texts by number, a NUL for each value that belongs in them. */
export type Sentences = readonly string[];

/** The value with every sentence in it put into words; the same value when there is none. */
export async function inFull<T>(value: T, load: () => Promise<Sentences>): Promise<T> {
  if (!hasSentence(value)) return value;
  // Without the texts, their values say more than nothing.
  const sentences = await load().catch((): Sentences => []);
  return fill(value, sentences) as T;
}

function hasSentence(value: unknown): boolean {
  if (typeof value === "string") return value.includes(OPEN);
  return isPlain(value) && Object.values(value).some(hasSentence);
}

function fill(value: unknown, sentences: Sentences): unknown {
  if (typeof value === "string") return fillText(value, sentences);
  if (Array.isArray(value)) return value.map((one) => fill(one, sentences));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, sentences)]));
}

/** From the inside out; a name in a file that has the marks in it ends up as letters, like every other. */
function fillText(text: string, sentences: Sentences): string {
  for (let before = ""; text !== before; ) {
    before = text;
    text = text.replace(INNERMOST, (_, id: string, values: string) => {
      const given = values.split(NEXT).slice(1);
      const parts = sentences[Number(id)]?.split("\0");
      if (parts === undefined) return `[text ${id} did not load: ${given.join(", ")}]`;
      return parts.map((part, i) => (i === 0 ? part : `${given[i - 1] ?? ""}${part}`)).join("");
    });
  }
  return text;
}

/** Lists and objects that are data: not pixels, not files. */
function isPlain(value: unknown): value is object {
  return Array.isArray(value) || (value !== null && typeof value === "object" && value.constructor === Object);
}
