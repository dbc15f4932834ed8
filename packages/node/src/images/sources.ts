import { lstat, opendir, readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { didYouMean, WhyboxError } from "@whybox/core";
import { glob, isDynamicPattern } from "tinyglobby";
import { systemErrorCode } from "../io/system-error.js";

/** One picture to explain. */
export interface Source {
  /** As a person would name it: the path relative to what was typed, or the URL. */
  readonly input: string;
  readonly kind: "file" | "url";
  /** Absolute path, or the URL. */
  readonly location: string;
}

/** Something that was asked for and could not be had. */
export interface SourceFailure {
  readonly source: string;
  readonly error: unknown;
}

export interface ExpandedSources {
  /** Each picture once, in the order of the arguments; folders and globs in natural order (2 before 10). */
  readonly sources: readonly Source[];
  /** Arguments that gave no picture. */
  readonly failures: readonly SourceFailure[];
  /** How many were dropped because they had been named before. */
  readonly repeated: number;
}

export interface ExpandOptions {
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Pictures at most. Default 100 000. */
  readonly limit?: number;
}

/** Endings by which a picture is known in a folder or a glob; a file named outright may have any. */
export const imageExtensions: readonly string[] = [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff"];

const defaultLimit = 100_000;
const naturalOrder = new Intl.Collator("en", { numeric: true });

/**
 * Files, folders, globs and http(s) URLs → pictures. Folders are not searched below their first level. A path that exists
 * is never read as a glob.
 * @throws limit when there are more than `limit` pictures. Other trouble is a failure of that argument, not of the rest.
 */
export async function expandSources(inputs: readonly string[], options: ExpandOptions): Promise<ExpandedSources> {
  const limit = options.limit ?? defaultLimit;
  const found = new Map<string, Source>();
  const failures: SourceFailure[] = [];
  let repeated = 0;
  for (const input of inputs) {
    try {
      for (const source of await expandOne(input, options.cwd, limit)) {
        if (found.has(source.location)) repeated++;
        else found.set(source.location, source);
        if (found.size > limit) throw tooMany(input, limit);
      }
    } catch (error) {
      if (!(error instanceof WhyboxError) || error.code === "limit") throw error;
      failures.push({ source: input, error });
    }
  }
  return { sources: [...found.values()], failures, repeated };
}

async function expandOne(input: string, cwd: string, limit: number): Promise<readonly Source[]> {
  if (input.trim() === "")
    throw new WhyboxError("bad-input", "A source is empty text; expected a file, folder, glob or URL.");
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(input)) return [urlSource(input)];
  const path = resolve(cwd, input);
  const kind = await kindOfPath(path);
  if (kind === "folder") return listFolder(input, path, limit);
  if (kind === "file") return [{ input, kind: "file", location: path }];
  if (kind === "other") {
    throw new WhyboxError("bad-input", `${input}: neither a file nor a folder (a device, a pipe or a socket).`);
  }
  if (kind === "missing" && isDynamicPattern(input)) return matchGlob(input, cwd, limit);
  const hint = kind === "missing" ? await siblingHint(path) : ` The system says ${kind}.`;
  throw new WhyboxError("bad-input", `${input}: no such file or folder; looked for ${path}.${hint}`);
}

function urlSource(input: string): Source {
  const url = URL.canParse(input) ? new URL(input) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new WhyboxError(
      "bad-input",
      `${input}: not an address that can be read. Give a file, a folder, a glob, or an http:// or https:// URL.`,
    );
  }
  return { input, kind: "url", location: url.href };
}

/** "file", "folder", "other", "missing", or the system's word for why it cannot be told (EACCES, ELOOP, …). */
export async function kindOfPath(path: string): Promise<string> {
  try {
    const entry = await stat(path);
    return entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") return code;
    return (await isDanglingLink(path)) ? "that it is a link to something that is gone" : "missing";
  }
}

async function isDanglingLink(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function listFolder(input: string, path: string, limit: number): Promise<readonly Source[]> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(path)) {
      if (entry.isDirectory() || !isImageName(entry.name)) continue;
      names.push(entry.name);
      if (names.length > limit) throw tooMany(input, limit);
    }
  } catch (error) {
    if (error instanceof WhyboxError) throw error;
    throw new WhyboxError("bad-input", `${input}: the folder cannot be read (${systemErrorCode(error)}).`, {
      cause: error,
    });
  }
  if (names.length === 0) {
    throw new WhyboxError(
      "bad-input",
      `${input}: no picture in this folder; looked for ${imageExtensions.join(", ")}, not in folders below it (a glob such as "${join(input, "**", "*.jpg")}" does that).`,
    );
  }
  return sortNaturally(names).map((name) => ({
    input: join(input, name),
    kind: "file",
    location: join(path, name),
  }));
}

async function matchGlob(pattern: string, cwd: string, limit: number): Promise<readonly Source[]> {
  // Globs are written with slashes; on Windows a backslash is a separator, never an escape.
  const portable = process.platform === "win32" ? pattern.replaceAll("\\", "/") : pattern;
  const matches = await glob(portable, {
    cwd,
    expandDirectories: false,
    followSymbolicLinks: false,
    caseSensitiveMatch: process.platform !== "win32",
  });
  const pictures = matches.filter(isImageName);
  if (pictures.length > limit) throw tooMany(pattern, limit);
  if (pictures.length === 0) {
    const seen =
      matches.length === 0 ? "nothing matches" : `matching files: ${matches.length}, pictures among them: none`;
    throw new WhyboxError(
      "bad-input",
      `${pattern}: ${seen}; looked in ${cwd} for files with ${imageExtensions.join(", ")}.`,
    );
  }
  return sortNaturally(pictures).map((path) => ({ input: path, kind: "file", location: resolve(cwd, path) }));
}

function isImageName(name: string): boolean {
  return imageExtensions.includes(extname(name).toLowerCase());
}

function sortNaturally(names: readonly string[]): string[] {
  return names.toSorted((a, b) => naturalOrder.compare(a, b) || (a < b ? -1 : 1));
}

/** " Did you mean …?" from the names beside a missing file. */
export async function siblingHint(path: string): Promise<string> {
  const siblings = await readdir(dirname(path)).catch(() => []);
  return didYouMean(basename(path), siblings.slice(0, 1000));
}

function tooMany(input: string, limit: number): WhyboxError {
  return new WhyboxError("limit", `${input}: more than ${limit} pictures at once; give fewer, or run several times.`);
}
