import { basename } from "node:path";
import type { Source } from "./sources.js";

/** Endings of the files that one source can get. A stem is free when none of them is taken. */
export const resultSuffixes = { png: ".png", npy: ".heatmap.npy", json: ".json" } as const;

export type ResultKind = keyof typeof resultSuffixes;

/** Bytes of a stem at most: file systems allow 255 for a name; the suffix and a number must fit too. */
const maxStemBytes = 180;

/**
 * Gives every source a stem of its own. A second `x` becomes `x-2`, then `x-3`; names that differ only in case or in
 * Unicode composition count as equal, since they are one file on Windows and macOS.
 * @param taken names of files that are already in the output folder; they are never overwritten.
 */
export function createStemNamer(taken: Iterable<string>): (source: Source) => string {
  const files = new Set<string>();
  for (const name of taken) files.add(key(name));
  const isFree = (stem: string) => Object.values(resultSuffixes).every((suffix) => !files.has(key(stem + suffix)));
  return (source) => {
    const wanted = stemOf(source);
    let stem = wanted;
    for (let n = 2; !isFree(stem); n++) stem = `${wanted}-${n}`;
    for (const suffix of Object.values(resultSuffixes)) files.add(key(stem + suffix));
    return stem;
  };
}

/** The stem that a source asks for: its file name without the extension, safe on every file system. */
export function stemOf(source: Source): string {
  const name = source.kind === "url" ? nameInUrl(new URL(source.location)) : basename(source.location);
  return safeStem(name.replace(/(?<=.)\.[^.]*$/, ""));
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

function safeStem(name: string): string {
  const plain = name
    .normalize("NFC")
    // Forbidden on Windows, or able to leave the folder, or invisible.
    .replace(/[<>:"/\\|?*\p{Cc}\p{Cs}\p{Cf}]/gu, "_")
    .replace(/^[.\s-]+/, "_")
    .replace(/[.\s]+$/, "");
  const short = cutToBytes(plain, maxStemBytes);
  if (short === "") return "image";
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
