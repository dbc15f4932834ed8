import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { z } from "zod";
import { systemErrorCode } from "../io/system-error.js";
import {
  frameLineSchema,
  type Manifest,
  manifestSchema,
  mapLineSchema,
  type ResultLine,
  type RunDetection,
  type RunFailureLine,
  type RunPictureLine,
  type RunVideoLine,
  resultLineSchema,
  runFiles,
  runFilesVersion,
} from "../runs/schema.js";
import { textLines } from "../runs/text-lines.js";

/** A run's folder, opened for reading. */
export interface OpenRun {
  readonly folder: string;
  readonly manifest: Manifest;
  /** False while it is under way, or was broken off. */
  readonly finished: boolean;
}

/** A map of `maps.jsonl`, decoded: rows of bytes, 255 × the map. */
export interface SmallMap {
  readonly detections: readonly number[];
  readonly picture: Uint8Array;
  readonly box: Uint8Array | undefined;
}

/** A picture, or a frame of a video. */
export interface RunPicture {
  readonly kind: "picture";
  readonly item: number;
  readonly source: string;
  /** Number of the frame; undefined for a picture. */
  readonly frame: number | undefined;
  /** Seconds from the start of the video, where that is known. */
  readonly time: number | null;
  readonly size: readonly [height: number, width: number];
  readonly detections: readonly RunDetection[];
  readonly maps: readonly SmallMap[];
}

export interface ReadOptions {
  /** Without them reading takes a third of the time. Default true. */
  readonly withMaps?: boolean;
}

/** What a run's lines tell, one after the other; a video's frames come after its own line. */
export type RunEntry = RunPicture | RunFailureLine | RunVideoLine;

/**
 * Opens a run's folder.
 * @throws bad-input when it is none, or one of another version.
 */
export async function openRun(folder: string): Promise<OpenRun> {
  const path = join(folder, runFiles.manifest);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw noRun(folder, `${runFiles.manifest} cannot be read (${systemErrorCode(cause)})`, cause);
  }
  const found = attempt(() => JSON.parse(text) as { schemaVersion?: unknown } | null);
  if (found instanceof Error) throw noRun(folder, `${runFiles.manifest} is no JSON: ${found.message}`, found);
  if (found?.schemaVersion !== undefined && found.schemaVersion !== runFilesVersion) throw otherVersion(path, found);
  const manifest = manifestSchema.safeParse(found);
  if (!manifest.success) throw noRun(folder, `${runFiles.manifest}: ${firstIssue(manifest.error)}`, manifest.error);
  if (!(await isThere(join(folder, runFiles.results))) && (await isThere(join(folder, runFiles.plan)))) {
    const message = `${folder} is a run in shards that are not merged yet. Merge them first: whybox shard merge.`;
    throw new WhyboxError("bad-input", message, { details: { folder } });
  }
  return { folder, manifest: manifest.data, finished: await isThere(join(folder, runFiles.success)) };
}

/**
 * What is done, in the order of the items. A torn last line of a run that is under way is left out.
 * @throws bad-input for a line that is none of a run's.
 */
export async function* readRun(run: OpenRun, options: ReadOptions = {}): AsyncGenerator<RunEntry> {
  const { withMaps = true } = options;
  const maps = withMaps ? readLines(run, runFiles.maps, mapLineSchema) : nothing();
  try {
    for await (const line of readLines(run, runFiles.results, resultLineSchema)) {
      const { value } = await maps.next();
      yield* entriesOf(run, line, decodeMaps(value?.maps ?? []), withMaps);
    }
  } finally {
    await maps.return(undefined);
  }
}

async function* nothing(): AsyncGenerator<undefined> {}

async function* entriesOf(
  run: OpenRun,
  line: ResultLine,
  maps: SmallMap[],
  withMaps: boolean,
): AsyncGenerator<RunEntry> {
  if (line.kind === "picture") {
    yield pictureOf(line, maps);
    return;
  }
  yield line;
  if (line.kind !== "video") return;
  const frameMaps = withMaps ? readLines(run, line.files.maps, mapLineSchema) : nothing();
  try {
    for await (const frame of readLines(run, line.files.frames, frameLineSchema)) {
      const { value } = await frameMaps.next();
      const { size, detections, time } = frame;
      const small = decodeMaps(value?.maps ?? []);
      const { item, source } = line;
      yield { kind: "picture", item, source, frame: frame.frame, time, size, detections, maps: small };
    }
  } finally {
    await frameMaps.return(undefined);
  }
}

function pictureOf({ item, source, size, detections }: RunPictureLine, maps: SmallMap[]): RunPicture {
  return { kind: "picture", item, source, frame: undefined, time: null, size, detections, maps };
}

function decodeMaps(
  maps: readonly { detections: readonly number[]; picture: string; box: string | null }[],
): SmallMap[] {
  return maps.map(({ detections, picture, box }) => ({
    detections,
    picture: Buffer.from(picture, "base64"),
    box: box === null ? undefined : Buffer.from(box, "base64"),
  }));
}

async function* readLines<T extends z.ZodType>(run: OpenRun, name: string, schema: T): AsyncGenerator<z.output<T>> {
  const path = join(run.folder, name);
  if (!(await isThere(path))) {
    if (!run.finished) return;
    throw damaged(path, "it is missing");
  }
  const lines = textLines(createReadStream(path));
  for (let number = 1; ; number++) {
    const { value, done } = await lines.next();
    if (done) return;
    const data = attempt(() => JSON.parse(value) as { v?: unknown } | null);
    if (data instanceof Error) {
      const isLast = (await lines.next()).done === true;
      if (isLast && !run.finished) return;
      throw damaged(`${path}, line ${number}`, data.message);
    }
    if (data?.v !== undefined && data.v !== runFilesVersion) throw otherVersion(`${path}, line ${number}`, data);
    const parsed = schema.safeParse(data);
    if (!parsed.success) throw damaged(`${path}, line ${number}`, firstIssue(parsed.error));
    yield parsed.data;
  }
}

/** Where a picture of the run lies on this machine; undefined for what is no file. */
export function locate({ manifest }: OpenRun, source: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return undefined;
  return /^([/\\]|[a-z]:)/i.test(source) ? source : join(manifest.root, source);
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(error))) return false;
      throw error;
    },
  );
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${issue?.path.join(".") || "the document"}: ${issue?.message}`;
}

function noRun(folder: string, what: string, cause: unknown): WhyboxError {
  const message = `${folder} is not the folder of a run: ${what}. Expected a folder that \`whybox run … --out\` has written.`;
  return new WhyboxError("bad-input", message, { details: { folder }, cause });
}

function damaged(where: string, what: string): WhyboxError {
  const message = `${where}: no line of a run (${what}). Is the folder damaged? \`whybox run --resume\` mends the end of an unfinished one.`;
  return new WhyboxError("bad-input", message, { details: { where } });
}

function otherVersion(where: string, found: { schemaVersion?: unknown; v?: unknown }): WhyboxError {
  const version = found.schemaVersion ?? found.v;
  const message = `${where} has version ${JSON.stringify(version)} of a run's files; this Whybox reads version ${runFilesVersion}. Use the Whybox that wrote it, or run again.`;
  return new WhyboxError("bad-input", message, { details: { where, version, expected: runFilesVersion } });
}
