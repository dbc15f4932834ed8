/** Options are shallow: the options of the next explanation within those of a detection, a list of lists within them. */
const MAX_DEPTH = 8;

/**
 * A copy of options that can be sent to another thread. Undefined if they contain a function (a method or score of the caller), another
 * value that is not data, or lists that are nested too deeply.
 */
export function plainCopy<T>(options: T): T | undefined {
  const copy = copyOf(options, MAX_DEPTH);
  return copy === notPlain ? undefined : (copy as T);
}

const notPlain = Symbol("not plain");

function copyOf(value: unknown, depth: number): unknown {
  if (typeof value === "function" || typeof value === "symbol" || depth === 0) return notPlain;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, one]) => [name, copyOf(one, depth - 1)] as const);
  if (entries.some(([, one]) => one === notPlain)) return notPlain;
  return Array.isArray(value) ? entries.map(([, one]) => one) : Object.fromEntries(entries);
}
