import { describeValue, type PickleValue } from "./values.js";

/** A JSON value. */
export type PlainValue =
  | null
  | boolean
  | number
  | string
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue };

const MAX_DEPTH = 16;
const MAX_VALUES = 20_000;
/** Maximum number of characters of one text, and of all together. */
const MAX_TEXT = 2 ** 16;
const MAX_LETTERS = 2 ** 20;

/**
 * Converts a pickled value to JSON. Values without a JSON form are described in words. Omits values that are nested too deep, and all values
 * after 20 000 values or a million characters: a pickle can hold one text or list a million times.
 */
export function toPlain(value: PickleValue): PlainValue {
  let left = MAX_VALUES;
  let letters = MAX_LETTERS;
  const text = (whole: string): string => {
    const cut = whole.slice(0, Math.min(MAX_TEXT, letters));
    letters -= cut.length;
    return cut.length < whole.length ? `${cut}…` : cut;
  };
  const convert = (current: PickleValue, depth: number): PlainValue => {
    if (left-- <= 0 || depth > MAX_DEPTH) return "…";
    if (typeof current === "string") return text(current);
    if (current === null || typeof current === "boolean") return current;
    if (typeof current === "number") return Number.isFinite(current) ? current : String(current);
    if (Array.isArray(current)) return current.slice(0, MAX_VALUES).map((entry) => convert(entry, depth + 1));
    if (!(current instanceof Map)) return describeValue(current);
    const entries = [...current].slice(0, MAX_VALUES);
    // fromEntries defines own properties, so "__proto__" is an ordinary key.
    return Object.fromEntries(
      entries.map(([key, entry]) => [
        text(typeof key === "string" ? key : describeValue(key)),
        convert(entry, depth + 1),
      ]),
    );
  };
  return convert(value, 0);
}
