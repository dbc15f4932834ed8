import { basename } from "node:path";
import { fileName } from "@whybox/core";
import { isAddress } from "./named-source.js";

/** Suffixes of the files of one source. A stem is free when no file with one of these suffixes exists. */
export const resultSuffixes = { png: ".png", npy: ".heatmap.npy", json: ".json" } as const;

export type ResultKind = keyof typeof resultSuffixes;

/** Maximum length of a class name in a file name, in bytes. */
const maxClassBytes = 40;

/** Suffix of the contact sheet of a source with several maps. */
export const sheetSuffix = ".sheet.png";

/** Suffixes of the map of one detection or class. */
export const partSuffixes = { png: ".png", npy: ".npy" } as const;

export interface FileNamer {
  /** Returns a unique stem for a source (a path or a URL). A second `x` becomes `x-2`, then `x-3`. */
  stem(location: string): string;
  /** `<stem>.<index>-<class>`, for the map of one detection (index of the detection) or class (index of the class). */
  part(stem: string, index: number, className: string): string;
}

export interface NamerOptions {
  /** Names of files that are already in the output folder. They are never overwritten. */
  readonly taken?: Iterable<string>;
  /** Whether sources also have a contact sheet. Default: false. */
  readonly sheets?: boolean;
}

/** Names that differ only in case or in Unicode composition are equal, because they are the same file on Windows and macOS. */
export function createFileNamer({ taken = [], sheets = false }: NamerOptions = {}): FileNamer {
  const files = new Set<string>();
  for (const name of taken) files.add(fileKey(name));
  const claim = (wanted: string, suffixes: readonly string[]): string => {
    let stem = wanted;
    for (let n = 2; suffixes.some((suffix) => files.has(fileKey(stem + suffix))); n++) stem = `${wanted}-${n}`;
    for (const suffix of suffixes) files.add(fileKey(stem + suffix));
    return stem;
  };
  const whole = [...Object.values(resultSuffixes), ...(sheets ? [sheetSuffix] : [])];
  return {
    stem: (location) => claim(stemOf(location), whole),
    part: (stem, index, className) =>
      claim(
        `${stem}.${index}-${fileName(className, { maxBytes: maxClassBytes, fallback: "class" })}`,
        Object.values(partSuffixes),
      ),
  };
}

/** The preferred stem of a path or a URL: the file name without the extension, valid on each file system. */
export function stemOf(location: string): string {
  const isUrl = isAddress(location) && URL.canParse(location);
  const name = isUrl ? nameInUrl(new URL(location)) : basename(location);
  return fileName(name.replace(/(?<=.)\.[^.]*$/, ""), { fallback: "image" });
}

function nameInUrl(url: URL): string {
  const last = url.pathname.split("/").findLast((part) => part !== "");
  if (last === undefined) return `${url.hostname}.url`;
  try {
    return decodeURIComponent(last);
  } catch {
    // A single % is valid in a URL. The name is then used without decoding.
    return last;
  }
}

/** Equal for two names that are one file on Windows or macOS. */
export function fileKey(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}
