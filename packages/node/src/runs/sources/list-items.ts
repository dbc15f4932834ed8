import { dirname, extname, join, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import { imageExtensions, isAddress, namedSource } from "../../images/named-source.js";
import { PassedOver } from "../../images/passed-over.js";
import { walk, walkGlob } from "../../images/walk.js";
import type { Manifest, RunItem } from "../schema.js";
import { linesOf, readJsonImages, readTextList, readYoloSplit } from "./lists.js";
import { addressItem, fileItem, isCamera, kindByName, videoExtensions } from "./source-kind.js";

export interface ListOptions {
  /** Absolute path: the base of relative sources. */
  readonly root: string;
  /** The run's own folder. It is never a source. */
  readonly out: string;
  readonly recursive: boolean;
  /** The split of a YOLO dataset. */
  readonly split: string;
  /** Absolute path of the folder with the images of lists. Default: the list's folder. */
  readonly images: string | undefined;
  /** The input for `-`. */
  readonly stdin: AsyncIterable<string | Uint8Array> | undefined;
  /** Called with a message about a skipped source. */
  readonly onProblem: (message: string) => void;
}

export type RunInput = Manifest["inputs"][number];

/** A parsed argument. */
export interface OpenInput {
  readonly input: RunInput;
  items(): AsyncGenerator<RunItem>;
}

/**
 * Parses one argument: an image or video, a folder, a glob, a URL, `-` (a list on stdin, one source per line), a list (.txt, a COCO
 * .json, the tags of a report, a YOLO .yaml), or a camera (/dev/video0). The items are listed lazily.
 * @throws bad-input when it does not exist or is not supported.
 */
export async function openInput(given: string, options: ListOptions): Promise<OpenInput> {
  if (given === "-") return stdinList(options);
  const device = resolve(options.root, given);
  if (isCamera(device)) return one(given, { kind: "stream", source: device });
  const named = await namedSource(given, options.root);
  if (named.kind === "address") return address(given);
  if (named.kind === "glob") return glob(given, options);
  return named.kind === "folder" ? folder(given, named.path, options) : file(given, named.path, options);
}

function one(given: string, item: RunItem): OpenInput {
  const input: RunInput = { given, kind: isAddress(given) ? "url" : "file", path: null };
  return {
    input,
    async *items() {
      yield item;
    },
  };
}

function address(given: string): OpenInput {
  const item = addressItem(given);
  if (item !== undefined) return one(given, item);
  throw new WhyboxError(
    "bad-input",
    `${given} is not a supported URL. Pass a file, a folder, a glob, an http(s) URL, or a stream (rtsp://…).`,
  );
}

function file(given: string, path: string, options: ListOptions): OpenInput | Promise<OpenInput> {
  const ending = extname(path).toLowerCase();
  if (ending === ".txt") return listed(given, "list", path, () => readTextList(path), options);
  if (ending === ".json") return json(given, path, options);
  if (ending === ".yaml" || ending === ".yml") return yolo(given, path, options);
  return one(given, fileItem(options.root, path));
}

function folder(given: string, path: string, options: ListOptions): OpenInput {
  const depth = options.recursive ? Number.POSITIVE_INFINITY : 1;
  const where = options.recursive ? " or its subfolders" : "";
  const hint = options.recursive ? "" : " Use --recursive to search subfolders.";
  const nothing = `${given}: no image or video in this folder${where}; looked for ${known()}.${hint}`;
  const names = () => walk(path, { depth, except: options.out, onProblem: options.onProblem });
  return { input: { given, kind: "folder", path }, items: () => byName(given, names(), nothing, options) };
}

function glob(given: string, options: ListOptions): OpenInput {
  const nothing = `${given}: no image or video matches; looked in ${options.root} for ${known()}.`;
  const names = () => walkGlob(given, options.root, { except: options.out, onProblem: options.onProblem });
  return { input: { given, kind: "glob", path: null }, items: () => byName(given, names(), nothing, options) };
}

function stdinList({ stdin, root }: ListOptions): OpenInput {
  if (stdin === undefined)
    throw new WhyboxError(
      "usage",
      "- reads a list from stdin, but stdin is not available. Pipe a list into the command.",
    );
  const input: RunInput = { given: "-", kind: "stdin", path: null };
  return {
    input,
    async *items() {
      for await (const line of linesOf(stdin)) yield lineItem(line, root, root);
    },
  };
}

function listed(
  given: string,
  kind: "list",
  path: string,
  read: () => AsyncIterable<string>,
  { root, images }: ListOptions,
): OpenInput {
  return {
    input: { given, kind, path },
    async *items() {
      for await (const line of read()) yield lineItem(line, images ?? dirname(path), root);
    },
  };
}

/** A COCO JSON, or the tags of a report. */
async function json(given: string, path: string, { root, images }: ListOptions): Promise<OpenInput> {
  const { names, root: base } = await readJsonImages(path);
  return {
    // A COCO file is ground truth too.
    input: { given, kind: base === undefined ? "coco" : "list", path },
    async *items() {
      const folder = images ?? base ?? dirname(path);
      for (const name of names) yield lineItem(name, folder, root);
    },
  };
}

function yolo(given: string, path: string, options: ListOptions): OpenInput {
  return {
    input: { given, kind: "yolo", path },
    async *items() {
      // Subfolders of a dataset are searched too, as in training.
      for (const part of await readYoloSplit(path, options.split)) {
        const opened = await openInput(part, { ...options, recursive: true });
        yield* opened.items();
      }
    },
  };
}

function lineItem(line: string, folder: string, root: string): RunItem {
  return (isAddress(line) ? addressItem(line) : undefined) ?? fileItem(root, resolve(folder, line));
}

async function* byName(
  given: string,
  names: AsyncIterable<string>,
  nothing: string,
  { root, onProblem }: ListOptions,
): AsyncGenerator<RunItem> {
  let found = false;
  const others = new PassedOver();
  for await (const path of names) {
    if (kindByName(path) === undefined) {
      others.add(path);
      continue;
    }
    found = true;
    yield fileItem(root, path);
  }
  if (!found) throw new WhyboxError("bad-input", nothing);
  const message = others.message(given, "images or videos");
  if (message !== undefined) onProblem(message);
}

function known(): string {
  return [...imageExtensions, ...videoExtensions].join(", ");
}

/** The location of an item: an absolute path or a URL. */
export function locationOf({ kind, source }: RunItem, root: string): string {
  return kind === "url" || isAddress(source) ? source : join(resolve(root, source));
}
