import { basename } from "node:path";
import { isAddress } from "./named-source.js";

/** Endings of the files that one source can get. A stem is free when none of them is taken. */
export const resultSuffixes = { png: ".png", npy: ".heatmap.npy", json: ".json" } as const;

export type ResultKind = keyof typeof resultSuffixes;

/** Bytes of a stem at most: file systems allow 255 for a name; the suffix and a number must fit too. */
const maxStemBytes = 180;
/** Of a class's name within the name of a file. */
const maxClassBytes = 40;

/** The contact sheet of a source whose maps are kept apart. */
export const sheetSuffix = ".sheet.png";

/** Endings of the map of one detection or class. */
export const partSuffixes = { png: ".png", npy: ".npy" } as const;

/** Gives files names that nothing else has. */
export interface FileNamer {
  /** A stem of its own for each source, which is a path or a URL. A second `x` becomes `x-2`, then `x-3`. */
  stem(location: string): string;
  /** `<stem>.<index>-<class>`, for the map of one detection (index of the detection) or class (index of the class). */
  part(stem: string, index: number, className: string): string;
}

export interface NamerOptions {
  /** Names of files that are already in the output folder. They are never overwritten. */
  readonly taken?: Iterable<string>;
  /** Whether sources get a contact sheet too. Default false. */
  readonly sheets?: boolean;
}

/**
 * Names that differ only in case or in Unicode composition count as equal, since they are one file on Windows and macOS.
 */
export function createFileNamer({ taken = [], sheets = false }: NamerOptions = {}): FileNamer {
  const files = new Set<string>();
  for (const name of taken) files.add(key(name));
  const claim = (wanted: string, suffixes: readonly string[]): string => {
    let stem = wanted;
    for (let n = 2; suffixes.some((suffix) => files.has(key(stem + suffix))); n++) stem = `${wanted}-${n}`;
    for (const suffix of suffixes) files.add(key(stem + suffix));
    return stem;
  };
  const whole = [...Object.values(resultSuffixes), ...(sheets ? [sheetSuffix] : [])];
  return {
    stem: (location) => claim(stemOf(location), whole),
    part: (stem, index, className) =>
      claim(`${stem}.${index}-${safeName(className, maxClassBytes, "class")}`, Object.values(partSuffixes)),
  };
}

/** The stem that a path or a URL asks for: the file name without the extension, safe on every file system. */
export function stemOf(location: string): string {
  const isUrl = isAddress(location) && URL.canParse(location);
  const name = isUrl ? nameInUrl(new URL(location)) : basename(location);
  return safeName(name.replace(/(?<=.)\.[^.]*$/, ""), maxStemBytes, "image");
}

function nameInUrl(url: URL): string {
  const last = url.pathname.split("/").findLast((part) => part !== "");
  if (last === undefined) return `${url.hostname}.url`;
  try {
    return decodeURIComponent(last);
  } catch {
    // A lone % is legal in a URL; the name is then taken as it stands.
    return last;
  }
}

/** A name that every file system takes, of so many bytes at most; `fallback` when nothing is left of it. */
function safeName(name: string, maxBytes: number, fallback: string): string {
  const plain = name
    .normalize("NFC")
    // Forbidden on Windows, or able to leave the folder, or invisible.
    .replace(/[<>:"/\\|?*\p{Cc}\p{Cs}\p{Cf}]/gu, "_")
    .replace(/^[.\s-]+/, "_")
    .replace(/[.\s]+$/, "");
  const short = cutToBytes(plain, maxBytes);
  if (short === "") return fallback;
  return /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(short) ? `_${short}` : short;
}

function cutToBytes(text: string, limit: number): string {
  let bytes = 0;
  let result = "";
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > limit) return result.replace(/[.\s]+$/, "");
    result += character;
  }
  return result;
}

function key(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}
