import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { maxNote, type TaggedDetection, type TagsFile, tagNames, tagsFormat, tagsVersion } from "@whybox/report";
import { z } from "zod";
import { exists } from "../io/exists.js";
import { type Corners, iouOf } from "./truth/judge.js";

/** Name of the file of tags in a run's folder. */
export const tagsFile = "tags.json";

const MAX_BYTES = 256 * 2 ** 20;
const MAX_TAGS = 300_000;
/** Minimum IoU of a tagged box and a box of the run to be the same object. */
const SAME_OBJECT = 0.5;

const taggedSchema = z.object({
  source: z.string().min(1).max(4096),
  frame: z.int().nullable(),
  detection: z.int().nullable(),
  name: z.string().max(1000),
  box: z.array(z.number()).length(4),
  tags: z.array(z.enum(tagNames)).max(tagNames.length),
  note: z.string().max(maxNote),
}) satisfies z.ZodType<TaggedDetection>;

export const tagsSchema = z.object({
  format: z.literal(tagsFormat),
  version: z.literal(tagsVersion),
  run: z.object({ title: z.string(), root: z.string(), model: z.string() }),
  tags: z.array(taggedSchema).max(MAX_TAGS),
}) satisfies z.ZodType<TagsFile>;

/** Reads a file of tags. @throws bad-input if it cannot be read or is none; limit. */
export async function readTags(path: string): Promise<TagsFile> {
  return checkTags(path, parsed(await readBounded(path)));
}

/** Checks the content of a file of tags. @throws bad-input */
export function checkTags(path: string, data: unknown): TagsFile {
  const found = tagsSchema.safeParse(data);
  if (found.success) return found.data;
  const [problem] = z.prettifyError(found.error).split("\n");
  throw new WhyboxError(
    "bad-input",
    `${path} is no file of tags (${problem}). Expected a file that a report saved with "Save tags".`,
  );
}

/** Reads the given file, or the one in the run's folder if there is one. "none" means no tags. */
export async function findTags(folder: string, given: string | undefined): Promise<TagsFile | undefined> {
  if (given === "none") return undefined;
  const beside = join(folder, tagsFile);
  return given === undefined && !(await exists(beside)) ? undefined : readTags(given ?? beside);
}

async function readBounded(path: string): Promise<string> {
  const entry = await stat(path).catch((cause: unknown) => {
    throw new WhyboxError("bad-input", `Cannot read the tags ${path}: ${(cause as Error).message}`, { cause });
  });
  if (entry.size > MAX_BYTES) {
    throw new WhyboxError("limit", `${path} has ${entry.size} bytes; expected at most ${MAX_BYTES}.`);
  }
  return readFile(path, "utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined; // the schema reports it
  }
}

/** An object that may have tags. */
export interface Tagged {
  readonly name: string;
  readonly box: Corners;
  /** Number of the detection. Null for a missed object. */
  readonly detection: number | null;
}

/** Finds the tags of detections by their image, class and box, so that they fit a later run too. */
export class TagIndex {
  readonly #byImage = new Map<string, TaggedDetection[]>();
  #used = 0;
  readonly #count: number;

  constructor({ tags }: TagsFile) {
    this.#count = tags.length;
    for (const entry of tags) {
      const key = keyOf(entry.source, entry.frame ?? undefined);
      this.#byImage.set(key, [...(this.#byImage.get(key) ?? []), entry]);
    }
  }

  /** Number of tagged objects that no object of the run has taken so far. */
  get left(): number {
    return this.#count - this.#used;
  }

  /** The tags of an image's objects, in their order. */
  of(source: string, frame: number | undefined, objects: readonly Tagged[]): (TaggedDetection | undefined)[] {
    const entries = this.#byImage.get(keyOf(source, frame)) ?? [];
    const found: (TaggedDetection | undefined)[] = objects.map(() => undefined);
    for (const entry of entries) {
      const place = bestPlace(entry, objects, found);
      if (place < 0) continue;
      found[place] = entry;
      this.#used++;
    }
    return found;
  }
}

/** The object of the same number, class and box, else the one of the same class with the largest overlap. −1 if there is none. */
function bestPlace(entry: TaggedDetection, objects: readonly Tagged[], taken: readonly unknown[]): number {
  let [place, best] = [-1, SAME_OBJECT];
  for (const [i, object] of objects.entries()) {
    if (taken[i] !== undefined || object.name !== entry.name) continue;
    if ((object.detection === null) !== (entry.detection === null)) continue;
    const same = object.detection === entry.detection ? 1e-6 : 0;
    const iou = iouOf(object.box, entry.box as unknown as Corners) + same;
    if (iou >= best) [place, best] = [i, iou];
  }
  return place;
}

function keyOf(source: string, frame: number | undefined): string {
  return `${source}\n${frame ?? ""}`;
}
