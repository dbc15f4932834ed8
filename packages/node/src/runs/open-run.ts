import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type DownloadProgress, WhyboxError } from "@whybox/core";
import { openOutputFolder } from "../images/output-folder.js";
import { inFile } from "../in-file.js";
import { folderError } from "../io/disk-failure.js";
import { exists } from "../io/exists.js";
import { renameFile } from "../io/rename-file.js";
import { writeFileSafely } from "../io/write-file.js";
import { readNames } from "../models/read-names.js";
import { resolveWeights } from "../models/resolve-weights.js";
import { defaultWorkers } from "../runtime/workers.js";
import { notesOnNames } from "../words.js";
import { type LockOptions, lockFolder } from "./lock.js";
import {
  differences,
  factsRecord,
  manifestText,
  optionsRecord,
  type RunSettings,
  readManifest,
  refuseDifferences,
  settingsOfRecord,
} from "./manifest.js";
import { createPool } from "./pool.js";
import { type Manifest, runFiles, runFilesVersion } from "./schema.js";
import { writeItems } from "./sources/item-list.js";
import { type ListOptions, type OpenInput, openInput } from "./sources/list-items.js";
import { digestOf } from "./success.js";
import type { Explainers, WorkerReport } from "./task.js";
import { hasFfmpeg, missing } from "./video/ffmpeg.js";

export interface LoadContext {
  readonly version: string;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Number of workers. Default: as many as cores and memory allow. */
  readonly workers: number | undefined;
  readonly onProgress: (progress: DownloadProgress) => void;
  /** Called with a notice about the licence of the weights, and with notes on the class names. */
  readonly onNotice: (notice: string) => void;
}

/** Starts the workers. The caller must close them. */
async function startExplainers(
  settings: RunSettings,
  context: LoadContext,
): Promise<Explainers & { readonly facts: WorkerReport }> {
  const { batch, threads, allowPrivate } = settings;
  const { signal, env, cwd, onProgress } = context;
  const names = batch.names === undefined ? undefined : await readNames(resolve(cwd, batch.names));
  const { path, source, licence, notice } = await resolveWeights(batch.weights, { signal, env, cwd, onProgress });
  if (notice !== undefined) context.onNotice(notice);
  const workers = context.workers ?? defaultWorkers(batch.device, threads);
  const setup = { model: path, weights: source, licence, notice, names, threads, settings: batch, allowPrivate };
  const pool = createPool(setup, workers);
  try {
    const facts = await pool.report();
    for (const note of notesOnNames(facts.model)) context.onNotice(note);
    return { ...pool, facts };
  } catch (error) {
    await pool.close();
    throw inFile(error, source);
  }
}

/** An existing run: its folder, its manifest and its workers. */
export interface OpenedRun {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Starts the workers. Checks that the model and the versions equal those of the manifest. */
  explainers(): Promise<Explainers>;
  close(): Promise<void>;
}

/**
 * Opens a run by its folder.
 * @throws bad-input when there is no run, or its item list has changed; usage (from `explainers`) when the model or the versions
 * differ.
 */
export async function openRun(folder: string, context: LoadContext): Promise<OpenedRun> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) {
    throw new WhyboxError(
      "bad-input",
      `${folder} is not a run: it has no ${runFiles.manifest}. Pass sources to start a run.`,
    );
  }
  await checkItems(folder, manifest);
  return opened(folder, manifest, context);
}

function opened(folder: string, manifest: Manifest, context: LoadContext, loaded?: Explainers): OpenedRun {
  let explainers = loaded;
  return {
    folder,
    manifest,
    explainers: async () => {
      if (explainers !== undefined) return explainers;
      const started = await startExplainers(settingsOfRecord(manifest.options), context);
      explainers = started;
      const { model, versions } = factsRecord(started.facts, context.version);
      const found = { model: recorded(model, manifest.model), versions };
      refuseDifferences(differences({ model: manifest.model, versions: manifest.versions }, found), folder);
      return started;
    },
    close: async () => explainers?.close(),
  };
}

/** The facts that the manifest has: one of an older version has fewer. */
function recorded<T extends object>(now: T, was: T): Partial<T> {
  return Object.fromEntries(Object.entries(now).filter(([name]) => name in was)) as Partial<T>;
}

async function checkItems(folder: string, { items }: Manifest): Promise<void> {
  const path = join(folder, runFiles.items);
  const { sha256 } = await digestOf(path).catch((cause: unknown) => {
    throw new WhyboxError("bad-input", `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  });
  if (sha256 === items.sha256) return;
  throw new WhyboxError(
    "bad-input",
    `${path} has changed: its digest differs from the manifest's. Restore the file, or start a new run in another folder.`,
  );
}

export interface BeginOptions extends LoadContext {
  readonly inputs: readonly string[];
  readonly settings: RunSettings;
  readonly listing: Pick<ListOptions, "recursive" | "split" | "images" | "stdin">;
  /** Absolute path of the run's folder. */
  readonly out: string;
  readonly resume: boolean;
  /** Called with a message about skipped sources. */
  readonly onProblem: (message: string) => void;
  /** Called with the number of items, and the number of removed duplicates. */
  readonly onListed: (items: number, repeated: number) => void;
  readonly onWait: NonNullable<LockOptions["onWait"]>;
}

/**
 * Starts a run: lists the sources, loads the model, and writes the item list and the manifest. With `resume`, an existing run with
 * the same sources and settings is opened.
 * @throws bad-input for missing sources; usage when the folder already contains a run, or a run with other settings; output.
 */
export async function beginRun(options: BeginOptions): Promise<OpenedRun> {
  const { out, cwd } = options;
  const list: ListOptions = { ...options.listing, root: cwd, out, onProblem: options.onProblem };
  const inputs: OpenInput[] = [];
  for (const given of options.inputs) inputs.push(await openInput(given, list));
  const folder = await openOutputFolder(out);
  try {
    const { signal, onWait } = options;
    const lock = await lockFolder(out, { signal, onWait });
    try {
      const before = await readManifest(out);
      return before === undefined ? await makeRun(inputs, options) : await sameRun(before, inputs, options);
    } finally {
      await lock.release();
    }
  } catch (cause) {
    throw folderError(out, cause);
  } finally {
    await folder.discardIfEmpty();
  }
}

async function sameRun(manifest: Manifest, inputs: readonly OpenInput[], options: BeginOptions): Promise<OpenedRun> {
  const { out, resume, cwd } = options;
  if (!resume) {
    const message = `${out} already contains a run. Use --resume to continue it, or choose another folder with --out.`;
    throw new WhyboxError("usage", message, { details: { folder: out } });
  }
  const { root, inputs: were, listing, options: wanted } = manifest;
  const now = {
    root: cwd,
    inputs: inputs.map(({ input }) => input),
    listing: listingRecord(options),
    options: optionsRecord(options.settings, cwd),
  };
  refuseDifferences(differences({ root, inputs: were, listing, options: wanted }, now), out);
  return openRun(out, options);
}

async function makeRun(inputs: readonly OpenInput[], options: BeginOptions): Promise<OpenedRun> {
  const { out, cwd, settings } = options;
  await refuseLeftovers(out);
  const tmp = join(out, runFiles.temporary);
  await rm(tmp, { recursive: true, force: true });
  await mkdir(tmp);
  try {
    const { repeated, ...items } = await writeItems(members(inputs, options), join(tmp, runFiles.items), tmp);
    if (items.count === 0)
      throw new WhyboxError("bad-input", "The sources contain no images or videos. Pass at least one.");
    options.onListed(items.count, repeated);
    const explainers = await startExplainers(settings, options);
    try {
      await renameFile(join(tmp, runFiles.items), join(out, runFiles.items));
      const manifest: Manifest = {
        schemaVersion: runFilesVersion,
        ...factsRecord(explainers.facts, options.version),
        options: optionsRecord(settings, cwd),
        root: cwd,
        inputs: inputs.map(({ input }) => input),
        listing: listingRecord(options),
        items,
      };
      // The manifest is written last: a folder with a manifest is a run.
      await writeFileSafely(join(out, runFiles.manifest), manifestText(manifest), tmp);
      return opened(out, manifest, options, explainers);
    } catch (error) {
      await explainers.close();
      throw error;
    }
  } finally {
    await rm(tmp, { recursive: true, force: true });
  }
}

/** @throws output when the folder contains files of a run, but no manifest. */
async function refuseLeftovers(out: string): Promise<void> {
  for (const name of [runFiles.results, runFiles.maps, runFiles.timings, runFiles.success]) {
    if (!(await exists(join(out, name)))) continue;
    const message = `${out} contains ${name} but no ${runFiles.manifest}. Empty the folder, or choose another folder with --out.`;
    throw new WhyboxError("output", message, { details: { folder: out, name } });
  }
}

/**
 * Yields the items of all inputs. Videos need ffmpeg. Without it, videos in folders and globs are skipped, and a video that is
 * passed by its path is an error.
 */
async function* members(inputs: readonly OpenInput[], { onProblem }: BeginOptions) {
  let videos: boolean | undefined;
  let skipped = 0;
  for (const { input, items } of inputs) {
    for await (const item of items()) {
      if (item.kind === "video" || item.kind === "stream") {
        videos ??= await hasFfmpeg();
        if (!videos && input.kind !== "folder" && input.kind !== "glob") throw missing();
        if (!videos) {
          skipped++;
          continue;
        }
      }
      yield item;
    }
  }
  if (skipped > 0) onProblem(`Skipped ${skipped === 1 ? "a video" : `${skipped} videos`}. ${missing().message}`);
}

function listingRecord({ listing }: BeginOptions): Manifest["listing"] {
  return { recursive: listing.recursive, split: listing.split, images: listing.images ?? null };
}
