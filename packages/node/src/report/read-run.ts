import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { isThere } from "../io/exists.js";
import { readManifest } from "../runs/manifest.js";
import { readLines } from "../runs/read-lines.js";
import {
  frameLineSchema,
  type Manifest,
  mapLineSchema,
  type ResultLine,
  type RunDetection,
  type RunFailureLine,
  type RunImageLine,
  type RunVideoLine,
  resultLineSchema,
  runFiles,
} from "../runs/schema.js";

/** A run's folder, open for reading. */
export interface OpenRun {
  readonly folder: string;
  readonly manifest: Manifest;
  /** False if the run is still running or was interrupted. */
  readonly finished: boolean;
}

/** A map of `maps.jsonl`, decoded: rows of bytes, 255 × the map. */
export interface SmallMap {
  readonly detections: readonly number[];
  readonly whole: Uint8Array;
  readonly box: Uint8Array | undefined;
}

/** An image, or a frame of a video. */
export interface RunImage {
  readonly kind: "picture";
  readonly item: number;
  readonly source: string;
  /** Number of the frame. Undefined for an image. */
  readonly frame: number | undefined;
  /** Seconds from the start of the video. Null if unknown. */
  readonly time: number | null;
  readonly size: readonly [height: number, width: number];
  readonly detections: readonly RunDetection[];
  readonly maps: readonly SmallMap[];
}

export interface ReadOptions {
  /** True (the default) to read the maps. Reading without maps is faster. */
  readonly withMaps?: boolean;
}

/** An entry of a run. The frames of a video come after the video's entry. */
export type RunEntry = RunImage | RunFailureLine | RunVideoLine;

/** Opens a run's folder. @throws bad-input if the folder is not a run, or has another version. */
export async function openRun(folder: string): Promise<OpenRun> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) {
    const message = `${folder} is not the folder of a run: it has no ${runFiles.manifest}. Expected a folder written by \`whybox run … --out\`.`;
    throw new WhyboxError("bad-input", message, { details: { folder } });
  }
  if (!(await isThere(join(folder, runFiles.results))) && (await isThere(join(folder, runFiles.plan)))) {
    const message = `${folder} is a run with shards that are not merged. Merge them first: whybox shard merge.`;
    throw new WhyboxError("bad-input", message, { details: { folder } });
  }
  return { folder, manifest, finished: await isThere(join(folder, runFiles.success)) };
}

/** Reads the finished entries, in the order of the items. It ignores an incomplete last line of an unfinished run.
 * @throws bad-input if a line is invalid.
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
    yield imageOf(line, maps);
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

function imageOf({ item, source, size, detections }: RunImageLine, maps: SmallMap[]): RunImage {
  return { kind: "picture", item, source, frame: undefined, time: null, size, detections, maps };
}

function decodeMaps(
  maps: readonly { detections: readonly number[]; picture: string; box: string | null }[],
): SmallMap[] {
  return maps.map(({ detections, picture, box }) => ({
    detections,
    whole: Buffer.from(picture, "base64"),
    box: box === null ? undefined : Buffer.from(box, "base64"),
  }));
}

/** The path of a run's image on this machine. Undefined if the source is not a file. */
export function locate({ manifest }: OpenRun, source: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return undefined;
  return /^([/\\]|[a-z]:)/i.test(source) ? source : join(manifest.root, source);
}
