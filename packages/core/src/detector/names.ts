import { didYouMean, WhyboxError } from "../errors.js";
import type { DetectorHead } from "./head.js";
import { parseNames } from "./python-names.js";

/**
 * The names of a model's classes: those given; else the `names` entry of its metadata; else class0, class1, ….
 *
 * @throws bad-input when there are more or fewer names than classes, or the metadata is unreadable.
 */
export function resolveNames(
  metadata: ReadonlyMap<string, string>,
  classCount: number,
  given?: readonly string[],
): string[] {
  if (given !== undefined) return checkCount([...given], classCount, "The names given");
  const text = metadata.get("names");
  if (text === undefined) return Array.from({ length: classCount }, (_, index) => `class${index}`);
  return checkCount(parseNames(text), classCount, "The names in the model's metadata");
}

/** How many classes the metadata names; undefined when it names none, or cannot be read. */
export function namesCount(metadata: ReadonlyMap<string, string>): number | undefined {
  const text = metadata.get("names");
  try {
    return text === undefined ? undefined : parseNames(text).length;
  } catch (error) {
    // `resolveNames` says what is wrong, once the head is known.
    if (error instanceof WhyboxError && error.code === "bad-input") return undefined;
    throw error;
  }
}

function checkCount(names: string[], classCount: number, source: string): string[] {
  if (names.length === classCount) return names;
  throw new WhyboxError(
    "bad-input",
    `${source} are ${names.length}, but the model has ${classCount} classes. Give one name for each class, in the order of training.`,
    { details: { found: names.length, expected: classCount } },
  );
}

/** The stride that input sizes must be multiples of: the metadata's `stride` where it makes sense, else the coarsest level's. */
export function resolveStride(metadata: ReadonlyMap<string, string>, head: DetectorHead): number {
  const coarsest = Math.max(...head.levels.map((level) => level.stride));
  const text = metadata.get("stride")?.trim() ?? "";
  const declared = /^\d{1,4}(\.0*)?$/.test(text) ? Number(text) : 0;
  return declared >= coarsest && declared % coarsest === 0 ? declared : coarsest;
}

/**
 * Class indices for what a user typed, ascending: a class name as written, else ignoring case, else an index as digits.
 * A name that several classes share means all of them.
 *
 * @throws usage for an unknown class, with the nearest spelling and the valid ones.
 */
export function resolveClasses(classNames: readonly string[], names: readonly string[]): number[] {
  const found = new Set(classNames.flatMap((name) => classesNamed(name, names)));
  return [...found].sort((a, b) => a - b);
}

function classesNamed(typed: string, names: readonly string[]): number[] {
  const exact = indicesWhere(names, (name) => name === typed);
  if (exact.length > 0) return exact;
  const loose = indicesWhere(names, (name) => name.toLowerCase() === typed.trim().toLowerCase());
  if (loose.length > 0) return loose;
  if (/^\d{1,6}$/.test(typed) && Number(typed) < names.length) return [Number(typed)];
  const shown = names.slice(0, MOST_SHOWN).join(", ") + (names.length > MOST_SHOWN ? ", …" : "");
  throw new WhyboxError(
    "usage",
    `Unknown class "${typed}".${didYouMean(typed, names)} The model's ${names.length} classes: ${shown}.`,
    { details: { found: typed, expected: names } },
  );
}

/** Classes listed in a message. */
const MOST_SHOWN = 100;

function indicesWhere(names: readonly string[], holds: (name: string) => boolean): number[] {
  return names.flatMap((name, index) => (holds(name) ? [index] : []));
}
