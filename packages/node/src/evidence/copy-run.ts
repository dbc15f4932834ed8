import { createReadStream } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { jsonText, WhyboxError } from "@whybox/core";
import type { OpenRun } from "../report/read-run.js";
import { damagedRun } from "../runs/damage.js";
import { readLines } from "../runs/read-lines.js";
import {
  frameLineSchema,
  itemSchema,
  type MapLine,
  mapLineSchema,
  type ResultLine,
  type RunDetection,
  type RunImageLine,
  type RunVideoLine,
  resultLineSchema,
  runFiles,
} from "../runs/schema.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { BundleFile, BundleFolder } from "./bundle-folder.js";
import type { PublicNames } from "./public-names.js";
import { SampledMaps } from "./sampled-maps.js";
import { type Evidence, evidenceFiles, maxItems } from "./schema.js";

/** An item of a run, and its line as the bundle has it. */
export interface CopiedItem {
  readonly item: number;
  readonly kind: Evidence["images"][number]["kind"];
  /** The source as the run names it. */
  readonly source: string;
  readonly line: ResultLine;
}

export interface CopiedRun {
  readonly items: readonly CopiedItem[];
  readonly failures: Evidence["failures"];
  readonly detections: number;
  readonly refusals: Evidence["refusals"];
  readonly rawMaps: number;
  readonly sample: SampledMaps;
}

export interface CopyOptions {
  readonly names: PublicNames;
  readonly signal: AbortSignal | undefined;
  readonly onItem: (done: number) => void;
}

/** A path of a raw map in a run, as Whybox writes it. */
const rawMap = /^files\/\d{4,}\/[^/\\]+\.npy$/;
/** A path of a video's lines. */
const sidecar = /^files\/\d{4,}\/[^/\\]+\.jsonl$/;

/**
 * Copies the results and the maps of a run into a bundle, item by item, with the names that others may see.
 * @throws bad-input if the run is damaged; limit if it has too many items; aborted; output.
 */
export async function copyRun(run: OpenRun, bundle: BundleFolder, options: CopyOptions): Promise<CopiedRun> {
  if (run.manifest.items.count > maxItems) throw tooMany(run);
  const copy = new RunCopy(run, bundle, options);
  const files = { results: await bundle.create(evidenceFiles.results), maps: await bundle.create(evidenceFiles.maps) };
  const sources = readLines({ ...run, finished: true }, runFiles.items, itemSchema);
  const maps = readLines(run, runFiles.maps, mapLineSchema);
  try {
    for await (const line of readLines(run, runFiles.results, resultLineSchema)) {
      stopIfAborted(options.signal);
      const { value: mapLine } = await maps.next();
      const { value: item } = await sources.next();
      if (item === undefined || item.source !== line.source || line.item !== copy.items.length)
        throw damagedRun(
          join(run.folder, runFiles.results),
          `line ${copy.items.length + 1} is of another item`,
          run.folder,
        );
      if (mapLine === undefined || mapLine.item !== line.item) {
        // The lines of an unfinished run are written one file after another.
        if (!run.finished && mapLine === undefined) break;
        throw damagedRun(join(run.folder, runFiles.maps), `line ${line.item + 1} is of another item`, run.folder);
      }
      await copy.add(item.kind, line, mapLine, files);
      options.onItem(copy.items.length);
    }
  } finally {
    await maps.return(undefined);
    await sources.return(undefined);
  }
  await files.results.end();
  await files.maps.end();
  return copy;
}

class RunCopy implements CopiedRun {
  readonly items: CopiedItem[] = [];
  readonly failures: Evidence["failures"] = [];
  readonly sample = new SampledMaps();
  readonly refusals = { withoutDetections: 0, emptyMaps: 0, withoutOwnMap: 0, blind: 0, carried: 0 };
  detections = 0;
  rawMaps = 0;
  readonly #run: OpenRun;
  readonly #bundle: BundleFolder;
  readonly #options: CopyOptions;

  constructor(run: OpenRun, bundle: BundleFolder, options: CopyOptions) {
    this.#run = run;
    this.#bundle = bundle;
    this.#options = options;
  }

  async add(
    kind: CopiedItem["kind"],
    line: ResultLine,
    maps: MapLine,
    files: Readonly<Record<"results" | "maps", BundleFile>>,
  ): Promise<void> {
    const copied = this.#named(line);
    if (copied.kind === "picture") {
      this.#count(copied.detections);
      for (const path of rawMapsOf(copied)) await this.#copyRawMap(path);
      for (const { detections, picture } of maps.maps)
        if (detections.length === 1) this.sample.offer({ line: copied, detection: detections[0]!, map: picture });
    }
    if (copied.kind === "video") await this.#copyVideo(copied);
    if (copied.kind === "failure") this.failures.push({ item: copied.item, source: copied.source, ...copied.error });
    await files.results.write(`${jsonText(copied)}\n`);
    await files.maps.write(`${JSON.stringify(maps)}\n`);
    this.items.push({ item: line.item, kind, source: line.source, line: copied });
  }

  /** The line with public names, and without files that are not in the bundle. */
  #named(line: ResultLine): ResultLine {
    const { names } = this.#options;
    const source = names.source(line.source);
    if (line.kind === "failure") {
      const { code, message } = line.error;
      return { ...line, source, error: { code, message: names.message(message, line.source) } };
    }
    if (line.kind === "video") {
      const warning = line.warning === null ? null : names.message(line.warning, line.source);
      return { ...line, source, warning };
    }
    const detections = line.detections.map((one) => ({ ...one, files: withoutImage(one.files) }));
    return { ...line, source, detections, files: { png: null, npy: line.files.npy } };
  }

  #count(detections: readonly RunDetection[]): void {
    this.detections += detections.length;
    if (detections.length === 0) this.refusals.withoutDetections++;
    const isWhole = this.#run.manifest.model.task === "classify";
    for (const { heat, blind, explained } of detections) {
      // The box of a class is the whole image, so there is no heat in a box.
      if (!isWhole && (heat === null || !explained)) this.refusals.withoutOwnMap++;
      else if (heat !== null && !(heat.maximum > 0)) this.refusals.emptyMaps++;
      if (blind.length > 0) this.refusals.blind++;
    }
  }

  async #copyVideo({ files, item }: RunVideoLine): Promise<void> {
    const frames = await this.#bundle.create(checked(files.frames, sidecar, this.#run));
    for await (const frame of readLines(this.#run, files.frames, frameLineSchema)) {
      stopIfAborted(this.#options.signal);
      this.#count(frame.detections);
      if (frame.mapFrame !== undefined) this.refusals.carried++;
      await frames.write(`${jsonText(frame)}\n`);
    }
    await frames.end();
    const maps = await this.#bundle.create(checked(files.maps, sidecar, this.#run));
    for await (const line of readLines(this.#run, files.maps, mapLineSchema)) {
      if (line.item !== item)
        throw damagedRun(join(this.#run.folder, files.maps), "it is of another item", this.#run.folder);
      await maps.write(`${JSON.stringify(line)}\n`);
    }
    await maps.end();
  }

  async #copyRawMap(path: string): Promise<void> {
    const from = join(this.#run.folder, checked(path, rawMap, this.#run));
    const entry = await lstat(from).catch(() => undefined);
    if (entry === undefined || !entry.isFile()) throw damagedRun(from, "the file is missing", this.#run.folder);
    await this.#bundle.add(path, createReadStream(from, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>);
    this.rawMaps++;
    stopIfAborted(this.#options.signal);
  }
}

/** The raw maps that a line names. */
export function rawMapsOf({ files, detections }: RunImageLine): string[] {
  return [files.npy, ...detections.map((one) => one.files?.npy ?? null)].filter((path) => path !== null);
}

function withoutImage(files: RunDetection["files"]): RunDetection["files"] {
  return files === null || files.npy === null ? null : { png: null, npy: files.npy };
}

function checked(path: string, form: RegExp, run: OpenRun): string {
  if (form.test(path)) return path;
  throw damagedRun(join(run.folder, runFiles.results), "it names a file that Whybox does not write", run.folder);
}

function tooMany({ folder, manifest }: OpenRun): WhyboxError {
  const message = `${folder} has ${manifest.items.count} items; a bundle takes at most ${maxItems}. Run a sample of the images, and say with --sampling how it was drawn.`;
  return new WhyboxError("limit", message, { details: { folder, limit: maxItems } });
}
