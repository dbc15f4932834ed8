import { basename, extname, join, relative, resolve, sep } from "node:path";
import { WhyboxError } from "@whybox/core";
import { imageExtensions, namedSource } from "./named-source.js";
import { PassedOver } from "./passed-over.js";
import { walk, walkGlob } from "./walk.js";

/** One image to explain. */
export interface Source {
  /** The source for messages: the path relative to the argument, or the URL. */
  readonly input: string;
  readonly kind: "file" | "url";
  /** Absolute path, or the URL. */
  readonly location: string;
}

/** A source that could not be explained, and the error. */
export interface SourceFailure {
  readonly source: string;
  readonly error: unknown;
}

export interface ExpandedSources {
  /** Each image once, in the order of the arguments. Folders and globs are in natural order (2 before 10). */
  readonly sources: readonly Source[];
  /** Arguments without an image. */
  readonly failures: readonly SourceFailure[];
  /** Number of duplicates that were removed. */
  readonly repeated: number;
  /** Messages about files of folders and globs that are no images by their names. */
  readonly passedOver: readonly string[];
}

export interface ExpandOptions {
  /** Base folder for relative paths. */
  readonly cwd: string;
  /** Maximum number of images. Default: 100 000. */
  readonly limit?: number;
}

const defaultLimit = 100_000;
const naturalOrder = new Intl.Collator("en", { numeric: true });

/**
 * Expands files, folders, globs and http(s) URLs to images. Subfolders are not searched. An existing path is never a glob.
 * @throws limit when there are more than `limit` images. Other errors become failures of their argument.
 */
export async function expandSources(inputs: readonly string[], options: ExpandOptions): Promise<ExpandedSources> {
  const limit = options.limit ?? defaultLimit;
  const found = new Map<string, Source>();
  const failures: SourceFailure[] = [];
  const passedOver: string[] = [];
  let repeated = 0;
  for (const input of inputs) {
    try {
      const { images, others } = await expandOne(input, options.cwd, limit);
      passedOver.push(...(others ?? []));
      for (const source of images) {
        if (found.has(source.location)) repeated++;
        else found.set(source.location, source);
        if (found.size > limit) throw tooMany(input, limit);
      }
    } catch (error) {
      if (!(error instanceof WhyboxError) || error.code === "limit") throw error;
      failures.push({ source: input, error });
    }
  }
  return { sources: [...found.values()], failures, repeated, passedOver };
}

/** The images of one argument, and a message about other files. */
interface Expanded {
  readonly images: readonly Source[];
  readonly others?: readonly string[];
}

async function expandOne(input: string, cwd: string, limit: number): Promise<Expanded> {
  const named = await namedSource(input, cwd);
  if (named.kind === "address") return { images: [urlSource(input)] };
  if (named.kind === "glob") return matchGlob(input, cwd, limit);
  return named.kind === "folder"
    ? listFolder(input, named.path, limit)
    : { images: [{ input, kind: "file", location: named.path }] };
}

function urlSource(input: string): Source {
  const url = URL.canParse(input) ? new URL(input) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new WhyboxError(
      "bad-input",
      `${input} is not a supported URL. Pass a file, a folder, a glob, or an http:// or https:// URL.`,
    );
  }
  return { input, kind: "url", location: url.href };
}

async function listFolder(input: string, path: string, limit: number): Promise<Expanded> {
  const names: string[] = [];
  const others = new PassedOver();
  for await (const file of walk(path, { depth: 1, hidden: true, deadLinks: true })) {
    if (isImageName(file)) names.push(basename(file));
    else others.add(file);
    if (names.length > limit) throw tooMany(input, limit);
  }
  if (names.length === 0) {
    throw new WhyboxError(
      "bad-input",
      `${input}: no image in this folder; looked for ${imageExtensions.join(", ")}. Subfolders are not searched. To include them, use a glob such as "${join(input, "**", "*.jpg")}".`,
    );
  }
  const images = sortNaturally(names).map(
    (name): Source => ({ input: join(input, name), kind: "file", location: join(path, name) }),
  );
  return { images, others: messagesOf(others, input) };
}

async function matchGlob(pattern: string, cwd: string, limit: number): Promise<Expanded> {
  const images: string[] = [];
  const others = new PassedOver();
  for await (const file of walkGlob(pattern, cwd)) {
    if (isImageName(file)) images.push(relative(cwd, file).split(sep).join("/"));
    else others.add(file);
    if (images.length > limit) throw tooMany(pattern, limit);
  }
  if (images.length === 0) {
    const seen = others.total === 0 ? "nothing matches" : `${others.total} files match, but none is an image`;
    throw new WhyboxError(
      "bad-input",
      `${pattern}: ${seen}; looked in ${cwd} for files with ${imageExtensions.join(", ")}.`,
    );
  }
  const found = sortNaturally(images).map(
    (path): Source => ({ input: path, kind: "file", location: resolve(cwd, path) }),
  );
  return { images: found, others: messagesOf(others, pattern) };
}

function messagesOf(others: PassedOver, given: string): readonly string[] {
  const message = others.message(given);
  return message === undefined ? [] : [message];
}

function isImageName(name: string): boolean {
  return imageExtensions.includes(extname(name).toLowerCase());
}

function sortNaturally(names: readonly string[]): string[] {
  return names.toSorted((a, b) => naturalOrder.compare(a, b) || (a < b ? -1 : 1));
}

function tooMany(input: string, limit: number): WhyboxError {
  return new WhyboxError("limit", `${input}: more than ${limit} images. Pass fewer, or run the command several times.`);
}
