import { resolve } from "node:path";
import { type Filled, type OptionTable, type SaveKind, WhyboxError } from "@whybox/core";
import type { RunSettings } from "../runs/manifest.js";
import { frameFlags, type ImageFlags, type ImageValues, imageFlags, toSettings } from "./explain-options.js";
import type { TypedOptions } from "./flags.js";

/** Options that select the items of a run. */
interface SourceFlags {
  readonly recursive?: boolean;
  readonly split?: string;
  readonly images?: string;
  readonly vidStride?: number;
  readonly mapStride?: number;
  readonly maxFrames?: number;
  readonly allowPrivate?: boolean;
}

/** Options for the machine. */
export interface WorkFlags {
  readonly skipMissing?: boolean;
  readonly workers?: number;
  readonly parquet?: boolean;
  readonly repair?: boolean;
  /** Number of detections whose maps are measured. */
  readonly measure?: number;
  readonly quiet?: boolean;
}

export interface RunFlags extends Omit<ImageFlags, "box" | "save">, SourceFlags, WorkFlags {
  readonly resume?: boolean;
  readonly save?: readonly Exclude<SaveKind, "json">[];
}

export interface PlanFlags extends Omit<ImageFlags, "box" | "save">, SourceFlags {
  readonly save?: readonly Exclude<SaveKind, "json">[];
  readonly shards?: number;
}

const sourceFlags = {
  recursive: { what: "also read the subfolders of folders", kind: "flag", default: false, group: "Sources" },
  split: {
    what: "split of a YOLO dataset to read",
    kind: "text",
    expected: "the name of a split",
    default: "val",
    group: "Sources",
    shown: "name",
  },
  images: {
    what: "folder that the paths in a list are relative to",
    kind: "text",
    expected: "a folder",
    otherwise: "the list's own folder",
    group: "Sources",
    shown: "dir",
  },
  vidStride: frameFlags.vidStride,
  mapStride: {
    what: "explain every n-th of these frames; the frames in between reuse its maps",
    kind: "number",
    min: 1,
    // A worker holds this many frames of a video in memory at once.
    max: 100,
    whole: true,
    default: 1,
    group: "Sources",
  },
  maxFrames: frameFlags.maxFrames,
  allowPrivate: {
    what: "also fetch from addresses of private networks",
    kind: "flag",
    default: false,
    group: "Sources",
  },
} as const satisfies OptionTable<SourceFlags>;

/** Options of the commands that process a run. */
export const workFlags = {
  workers: {
    what: "number of threads that each hold the model",
    kind: "number",
    min: 1,
    max: 1024,
    whole: true,
    otherwise: "as many as the cores and the memory allow",
    group: "Output",
  },
  skipMissing: {
    what: "count missing files as failures, regardless of their number",
    kind: "flag",
    default: false,
    otherwise: "the run stops when a source folder or many files are missing",
    group: "Sources",
  },
  parquet: {
    what: "write detections.parquet at the end, with one row per detection",
    kind: "flag",
    default: false,
    group: "Output",
  },
  repair: {
    what: "repair damaged files first: keep what is whole, and explain the rest again; implies --resume",
    kind: "flag",
    default: false,
    group: "Output",
  },
  measure: {
    what: "measure how faithful the maps of n detections are, at the end, beside a Gaussian at the box and a random map: a sample, stratified by class, size and confidence; about 70 forward passes per detection",
    kind: "number",
    min: 1,
    max: 10_000,
    whole: true,
    group: "Output",
  },
  quiet: { what: "print errors only", kind: "flag", default: false, group: "Output" },
} as const satisfies OptionTable<WorkFlags>;

const { parquet: _parquet, measure: _measure, repair, ...working } = workFlags;

/** The options of the commands that process shards. */
export const shardFlags = working;

/** The options of the command that processes one shard. */
export const shardRunFlags = {
  ...shardFlags,
  repair: { ...repair, what: "repair damaged files first: keep what is whole, and explain the rest again" },
};

const { box: _box, ...flagsForMany } = imageFlags;

/** Options for the images of a run. Some defaults differ, and options for a single image are missing. */
const manyFlags = {
  ...flagsForMany,
  ...sourceFlags,
  per: {
    ...imageFlags.per,
    what: "make one heatmap for each detection, for each class, or for the image; --backward-per-class means image",
  },
  threads: { ...imageFlags.threads, otherwise: "1, in each worker" },
  save: {
    ...imageFlags.save,
    of: { kind: "choice", choices: ["png", "npy", "maps"] },
    default: [],
    otherwise: "none, only the results",
  },
} as const;

export const runFlags = {
  ...manyFlags,
  out: { what: "folder of the run (required)", kind: "text", expected: "a folder", group: "Output", shown: "dir" },
  resume: {
    what: "continue the run in the folder, or begin one if there is none",
    kind: "flag",
    default: false,
    group: "Output",
  },
  ...workFlags,
} as const;

/** The options of `whybox shard plan`: those of `whybox run` that affect results, without those for the machine. */
export const planFlags = {
  ...manyFlags,
  out: { ...runFlags.out, what: "folder of the run, on a disk shared by all machines (required)" },
  shards: {
    what: "number of shards (required)",
    kind: "number",
    min: 1,
    max: 100_000,
    whole: true,
    group: "Output",
  },
} as const;

export type RunValues = Filled<RunFlags, typeof runFlags> & Pick<ImageValues, "box">;

/** Options that do not change results. */
const machineOptions: ReadonlySet<string> = new Set(["out", "resume", ...Object.keys(workFlags)]);

type SettingsValues = ImageValues & Filled<SourceFlags, typeof sourceFlags> & Pick<WorkFlags, "measure">;

export function runSettings({ values: { measure: _, ...values }, typed }: TypedOptions<SettingsValues>) {
  const threads = values.threads ?? 1;
  const settings: RunSettings = {
    batch: { ...toSettings(values, typed), threads },
    threads,
    vidStride: values.vidStride,
    mapStride: values.mapStride,
    maxFrames: values.maxFrames ?? null,
    allowPrivate: values.allowPrivate,
  };
  return settings;
}

/**
 * Returns the folder of the run.
 * @param sources as typed. Without sources, the folder must be that of an existing run.
 * @throws usage.
 */
export function runFolder(
  { values, typed, flag }: TypedOptions<Pick<RunValues, "out" | "resume" | "repair">>,
  sources: readonly string[],
  cwd: string,
): string {
  const { out, resume, repair } = values;
  if (out === undefined) throw new WhyboxError("usage", "--out is missing. Give the folder of the run.");
  if (sources.length > 0) return resolve(cwd, out);
  if (!resume && !repair) throw new WhyboxError("usage", "No source given. Sources are optional only with --resume.");
  const more = typed.filter((option) => !machineOptions.has(option));
  if (more.length > 0) {
    throw new WhyboxError(
      "usage",
      `${more.map(flag).join(", ")}: without sources, a run continues with its original options. Remove these options, or give the sources too.`,
    );
  }
  return resolve(cwd, out);
}
