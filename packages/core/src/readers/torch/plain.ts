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

/** A pickled value as JSON; what is none, and what lies too deep or comes after 20 000 values, is described in words. */
export function toPlain(value: PickleValue): PlainValue {
  let left = MAX_VALUES;
  const convert = (current: PickleValue, depth: number): PlainValue => {
    if (left-- <= 0 || depth > MAX_DEPTH) return "…";
    if (current === null || typeof current === "boolean" || typeof current === "string") return current;
    if (typeof current === "number") return Number.isFinite(current) ? current : String(current);
    if (Array.isArray(current)) return current.slice(0, MAX_VALUES).map((entry) => convert(entry, depth + 1));
    if (!(current instanceof Map)) return describeValue(current);
    const entries = [...current].slice(0, MAX_VALUES);
    // fromEntries defines own properties: "__proto__" is a key like others.
    return Object.fromEntries(
      entries.map(([key, entry]) => [typeof key === "string" ? key : describeValue(key), convert(entry, depth + 1)]),
    );
  };
  return convert(value, 0);
}
