import { didYouMean, WhyboxError } from "../errors.js";
import { cocoNames, cocoNumbers } from "./coco-names.js";
import type { DetectorHead, HeadLevel } from "./head.js";
import { parseNames } from "./python-names.js";

/** Source of the class names. "beside": metadata that came beside the file. "family": assumed, as in models with such outputs (a face detector has one class). "coco": assumed, because the model has 80, 90 or 91 classes and no names. "numbers": class0, class1, …. */
export type ClassNamesSource = "options" | "metadata" | "beside" | "family" | "coco" | "numbers";

export interface ClassNames {
  readonly classNames: readonly string[];
  readonly classNamesFrom: ClassNamesSource;
}

/** What is known of the class names apart from the metadata. */
export interface NamesEvidence {
  /** Names that the user gives. */
  readonly given?: readonly string[] | undefined;
  /** Whether the names in the metadata came beside the file. Default false. */
  readonly isBeside?: boolean;
  /** Whether the first label of the model is the background, which is no class. Names that begin with it are taken too. Default false. */
  readonly labelsFromOne?: boolean;
  /** Whether the number of classes is that of a detector, and not only a limit, or that of a classifier. COCO is for detectors. Default true. */
  readonly isCounted?: boolean;
  /** The classes of the family that has such outputs. */
  readonly family?: readonly string[] | undefined;
}

/**
 * The class names of a model: the given names; else the `names` entry of its metadata; else those of its family; else COCO's if it has 80 classes, or 90 or 91 by the
 * numbers of COCO's annotations; else class0, class1, …, by label.
 *
 * @throws bad-input when the number of names is not the number of classes, or the metadata cannot be parsed.
 */
export function resolveNames(
  metadata: ReadonlyMap<string, string>,
  classCount: number,
  { given, isBeside = false, labelsFromOne = false, isCounted = true, family }: NamesEvidence = {},
): ClassNames {
  const own = (names: readonly string[], source: string): string[] => {
    const hasBackground = labelsFromOne && names.length === classCount + 1;
    return checkCount(names.slice(hasBackground ? 1 : 0), classCount, source);
  };
  if (given !== undefined) {
    return { classNames: own(given, "the option names"), classNamesFrom: "options" };
  }
  const text = metadata.get("names");
  if (text !== undefined) {
    const source = isBeside ? "the metadata.yaml beside the model" : "the model's metadata";
    const classNames = own(parseNames(text), source);
    return { classNames, classNamesFrom: isBeside ? "beside" : "metadata" };
  }
  if (family !== undefined) return { classNames: family, classNamesFrom: "family" };
  // Only labels that start at 0 can have 91 numbers of COCO.
  const coco = [cocoNames, cocoNumbers.slice(1), ...(labelsFromOne ? [] : [cocoNumbers])];
  const found = coco.find(({ length }) => length === classCount);
  if (found !== undefined && isCounted) return { classNames: found, classNamesFrom: "coco" };
  const first = labelsFromOne ? 1 : 0;
  const numbers = Array.from({ length: classCount }, (_, index) => `class${index + first}`);
  return { classNames: numbers, classNamesFrom: "numbers" };
}

/** Number of class names in the metadata; undefined when it has none or cannot be parsed. */
export function namesCount(metadata: ReadonlyMap<string, string>): number | undefined {
  const text = metadata.get("names");
  try {
    return text === undefined ? undefined : parseNames(text).length;
  } catch (error) {
    // `resolveNames` reports the error later, when the head is known.
    if (error instanceof WhyboxError && error.code === "bad-input") return undefined;
    throw error;
  }
}

function checkCount(names: string[], classCount: number, source: string): string[] {
  if (names.length === classCount) return names;
  throw new WhyboxError(
    "bad-input",
    `The model has ${classCount} class columns, and ${source} gives ${names.length} ${names.length === 1 ? "name" : "names"}. Give one name per class, in the order of training.`,
    { details: { found: names.length, expected: classCount } },
  );
}

/** The stride that input sizes must be multiples of: the metadata's `stride` if it is valid, else the stride of the coarsest level. */
export function resolveStride(metadata: ReadonlyMap<string, string>, head: DetectorHead): number {
  // A network that resizes its image takes any size.
  const strideOf = ({ cells, stride, coarsest = stride }: HeadLevel): number => (cells === undefined ? coarsest : 1);
  const coarsest = Math.max(...head.levels.map(strideOf));
  const text = metadata.get("stride")?.trim() ?? "";
  const declared = /^\d{1,4}(\.0*)?$/.test(text) ? Number(text) : 0;
  return declared >= coarsest && declared % coarsest === 0 ? declared : coarsest;
}

/**
 * Resolves class names from the user to class indices, in ascending order. A name matches exactly, else ignoring case, else as an index in
 * digits. A name that several classes share selects all of them.
 *
 * @throws usage for an unknown class. The message has the nearest spelling and the valid names.
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
  const shown = names.slice(0, MAX_SHOWN).join(", ") + (names.length > MAX_SHOWN ? ", …" : "");
  throw new WhyboxError(
    "usage",
    `Unknown class "${typed}".${didYouMean(typed, names)} The model's ${names.length} classes: ${shown}.`,
    { details: { found: typed, expected: names } },
  );
}

/** Maximum number of classes listed in a message. */
const MAX_SHOWN = 100;

function indicesWhere(names: readonly string[], holds: (name: string) => boolean): number[] {
  return names.flatMap((name, index) => (holds(name) ? [index] : []));
}
