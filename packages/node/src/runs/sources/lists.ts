import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import { tagsFormat } from "@whybox/report";
import { z } from "zod";
import { checkTags } from "../../report/tags.js";
import { textLines } from "../text-lines.js";

/** Maximum size of a COCO file. It is parsed as one string, and JavaScript limits the length of strings. */
const MAX_JSON_BYTES = 512 * 2 ** 20;
const MAX_YAML_BYTES = 16 * 2 ** 20;

/** Yields the lines of a text, without empty lines. */
export async function* linesOf(input: AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  for await (const line of textLines(input)) {
    const text = line.replace(/^\uFEFF/, "").trim();
    if (text !== "") yield text;
  }
}

/** Yields the sources of a text file, one per line. */
export async function* readTextList(path: string): AsyncGenerator<string> {
  try {
    yield* linesOf(createReadStream(path, "utf8"));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const cocoSchema = z.object({ images: z.array(z.object({ file_name: z.string().min(1) })) });

/** The images of a JSON list, and the folder that relative ones are below. */
export interface JsonImages {
  readonly names: readonly string[];
  /** Undefined: the folder of the list. */
  readonly root: string | undefined;
}

/** Reads the images of a COCO JSON file, or of the tags that a report saved. @throws bad-input when it is neither; limit. */
export async function readJsonImages(path: string): Promise<JsonImages> {
  const data = parsed(path, await readBounded(path, MAX_JSON_BYTES), JSON.parse) as { format?: unknown } | null;
  if (data?.format !== tagsFormat) return { names: cocoImages(path, data), root: undefined };
  const { run, tags } = checkTags(path, data);
  return { names: [...new Set(tags.map(({ source }) => source))], root: run.root };
}

function cocoImages(path: string, data: unknown): readonly string[] {
  const found = cocoSchema.safeParse(data);
  if (found.success) return found.data.images.map((image) => image.file_name);
  throw new WhyboxError(
    "bad-input",
    `${path} is not a COCO file (${z.prettifyError(found.error).split("\n")[0]}); expected "images", each with a "file_name".`,
  );
}

const entry = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const yoloSchema = z.object({ path: z.string().optional() }).catchall(z.unknown());

/**
 * Reads one split of a YOLO dataset.yaml: the absolute paths of its folders, text files and images.
 * @throws bad-input when it is not a dataset, or the split is missing.
 */
export async function readYoloSplit(path: string, split: string): Promise<readonly string[]> {
  const { parse } = await import("yaml");
  const found = yoloSchema.safeParse(parsed(path, await readBounded(path, MAX_YAML_BYTES), parse));
  const splits = found.success ? Object.keys(found.data).filter((key) => /^(train|val|test|minival)$/.test(key)) : [];
  if (!found.success || splits.length === 0)
    throw new WhyboxError("bad-input", `${path} is not a YOLO dataset; expected entries such as "train" and "val".`);
  const wanted = entry.safeParse(found.data[split]);
  if (!wanted.success || !Object.hasOwn(found.data, split))
    throw new WhyboxError(
      "bad-input",
      `${path} has no split "${split}"; it has ${splits.join(", ")}. Choose one with --split.`,
    );
  const base = resolve(dirname(path), found.data.path ?? ".");
  return [wanted.data].flat().map((part) => resolve(base, part));
}

async function readBounded(path: string, limit: number): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > limit) {
      const message = `${path} has ${Math.round(size / 2 ** 20)} MB; the limit for this kind of list is ${limit / 2 ** 20} MB. Use a .txt file with one source per line.`;
      throw new WhyboxError("limit", message, { details: { file: path, size, limit } });
    }
    return await readFile(path, "utf8");
  } catch (cause) {
    throw cause instanceof WhyboxError ? cause : unreadable(path, cause);
  }
}

function parsed(path: string, text: string, read: (text: string) => unknown): unknown {
  try {
    return read(text);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new WhyboxError("bad-input", `Cannot read ${path} as a list of images: ${words}`, { cause });
  }
}

function unreadable(path: string, cause: unknown): WhyboxError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return new WhyboxError("bad-input", `Cannot read the list ${path}: ${words}`, { cause });
}
