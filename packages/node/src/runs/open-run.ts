import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { DownloadProgress } from "../api.js";
import { openOutputFolder } from "../images/output-folder.js";
import { writeFileSafely } from "../io/write-file.js";
import { readNames } from "../models/read-names.js";
import { resolveWeights } from "../models/resolve-weights.js";
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
import { createPool, defaultWorkers } from "./pool.js";
import { type Manifest, runFiles, runFilesVersion } from "./schema.js";
import { writeItems } from "./sources/item-list.js";
import { type ListOptions, type OpenInput, openInput } from "./sources/list-items.js";
import { digestOf } from "./success.js";
import type { Explainers, WorkerReport } from "./task.js";
import { hasFfmpeg, missing } from "./video/ffmpeg.js";

/** How a run's model is loaded. */
export interface LoadContext {
  readonly version: string;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: as many as the machine holds. */
  readonly workers: number | undefined;
  readonly onProgress: (progress: DownloadProgress) => void;
  /** A sentence about the weights' licence. */
  readonly onNotice: (notice: string) => void;
}

/** Starts the workers of some settings; they are to be closed. */
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
    return { ...pool, facts: await pool.report() };
  } catch (error) {
    await pool.close();
    if (!(error instanceof WhyboxError)) throw error;
    throw new WhyboxError(error.code, `${source}: ${error.message}`, { cause: error, details: error.details });
  }
}

/** A run that is there: its folder, what it is, and its workers. */
export interface OpenedRun {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Starts the workers, and checks that the model and the programs are those of the manifest. */
  explainers(): Promise<Explainers>;
  close(): Promise<void>;
}

/**
 * Opens a run by its folder.
 * @throws bad-input when there is none, or its item list is not the one it was; usage (by `explainers`) that names what differs.
 */
export async function openRun(folder: string, context: LoadContext): Promise<OpenedRun> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) {
    throw new WhyboxError(
      "bad-input",
      `${folder} is no run: it has no ${runFiles.manifest}. Give the sources to begin one.`,
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
      refuseDifferences(
        differences({ model: manifest.model, versions: manifest.versions }, { model, versions }),
        folder,
      );
      return started;
    },
    close: async () => explainers?.close(),
  };
}

async function checkItems(folder: string, { items }: Manifest): Promise<void> {
  const path = join(folder, runFiles.items);
  const { sha256 } = await digestOf(path).catch((cause: unknown) => {
    throw new WhyboxError("bad-input", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  });
  if (sha256 === items.sha256) return;
  throw new WhyboxError("bad-input", `${path} is not the item list of this run: its digest is not the manifest's.`);
}

export interface BeginOptions extends LoadContext {
  readonly inputs: readonly string[];
  readonly settings: RunSettings;
  readonly listing: Pick<ListOptions, "recursive" | "split" | "images" | "stdin">;
  /** Absolute. */
  readonly out: string;
  readonly resume: boolean;
  /** What is left out of the run. */
  readonly onProblem: (message: string) => void;
  /** How many items there are, and how many were named more than once. */
  readonly onListed: (items: number, repeated: number) => void;
  readonly onWait: NonNullable<LockOptions["onWait"]>;
}

/**
 * Begins a run: lists the sources, loads the model, and writes the item list and the manifest. With `resume` a run that is there is
 * opened when it was asked for the same.
 * @throws bad-input for sources that are not there; usage when the folder holds a run, or one with other settings; output.
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
  } finally {
    await folder.discardIfEmpty();
  }
}

async function sameRun(manifest: Manifest, inputs: readonly OpenInput[], options: BeginOptions): Promise<OpenedRun> {
  const { out, resume, cwd } = options;
  if (!resume) {
    const message = `${out} holds a run already. Give --resume to go on with it, or choose another folder with --out.`;
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
    if (items.count === 0) throw new WhyboxError("bad-input", "The sources are empty: nothing is to be explained.");
    options.onListed(items.count, repeated);
    const explainers = await startExplainers(settings, options);
    try {
      await rename(join(tmp, runFiles.items), join(out, runFiles.items));
      const manifest: Manifest = {
        schemaVersion: runFilesVersion,
        ...factsRecord(explainers.facts, options.version),
        options: optionsRecord(settings, cwd),
        root: cwd,
        inputs: inputs.map(({ input }) => input),
        listing: listingRecord(options),
        items,
      };
      // Last: a folder with a manifest is a run.
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

/** Lines without a manifest belong to nobody knows what. */
async function refuseLeftovers(out: string): Promise<void> {
  for (const name of [runFiles.results, runFiles.maps, runFiles.timings, runFiles.success]) {
    const there = await stat(join(out, name)).then(
      () => true,
      () => false,
    );
    if (!there) continue;
    const message = `${out} has a ${name} and no ${runFiles.manifest}. Remove what is in it, or choose another folder with --out.`;
    throw new WhyboxError("output", message, { details: { folder: out, name } });
  }
}

/** The items of all inputs. Videos among them need ffmpeg: named outright they must be read, in a folder they are left out without it. */
async function* members(inputs: readonly OpenInput[], { onProblem }: BeginOptions) {
  let videos: boolean | undefined;
  let left = 0;
  for (const { input, items } of inputs) {
    for await (const item of items()) {
      if (item.kind === "video" || item.kind === "stream") {
        videos ??= await hasFfmpeg();
        if (!videos && input.kind !== "folder" && input.kind !== "glob") throw missing();
        if (!videos) {
          left++;
          continue;
        }
      }
      yield item;
    }
  }
  if (left > 0) onProblem(`Left out: ${left === 1 ? "a video" : `${left} videos`}. ${missing().message}`);
}

function listingRecord({ listing }: BeginOptions): Manifest["listing"] {
  return { recursive: listing.recursive, split: listing.split, images: listing.images ?? null };
}
