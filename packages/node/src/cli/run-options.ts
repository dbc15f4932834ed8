import { resolve } from "node:path";
import { type Filled, type OptionTable, WhyboxError } from "@whybox/core";
import type { RunSettings } from "../runs/manifest.js";
import { type ImageFlags, type ImageValues, imageFlags, toSettings } from "./explain-options.js";
import type { TypedOptions } from "./flags.js";

/** What the items of a run are. */
interface SourceFlags {
  readonly recursive?: boolean;
  readonly split?: string;
  readonly images?: string;
  readonly vidStride?: number;
  readonly mapStride?: number;
  readonly maxFrames?: number;
  readonly allowPrivate?: boolean;
}

/** How the machine does it. */
export interface WorkFlags {
  readonly skipMissing?: boolean;
  readonly workers?: number;
  readonly parquet?: boolean;
  readonly quiet?: boolean;
}

export interface RunFlags extends Omit<ImageFlags, "box" | "save">, SourceFlags, WorkFlags {
  readonly resume?: boolean;
  readonly save?: readonly ("png" | "npy")[];
}

export interface PlanFlags extends Omit<ImageFlags, "box" | "save">, SourceFlags {
  readonly save?: readonly ("png" | "npy")[];
  readonly shards?: number;
}

const sourceFlags = {
  recursive: { what: "read the folders below a folder too", kind: "flag", default: false, group: "Sources" },
  split: {
    what: "part of a YOLO dataset to read",
    kind: "text",
    expected: "the name of a part of a dataset",
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
  vidStride: {
    what: "read every n-th frame of videos and streams",
    kind: "number",
    min: 1,
    max: 1_000_000,
    whole: true,
    default: 1,
    group: "Sources",
  },
  mapStride: {
    what: "explain every n-th of these frames; the frames between them carry its maps",
    kind: "number",
    min: 1,
    // So many frames of a video are in a worker's memory at once.
    max: 100,
    whole: true,
    default: 1,
    group: "Sources",
  },
  maxFrames: {
    what: "maximum number of frames of a video or stream",
    kind: "number",
    min: 1,
    max: 2 ** 31 - 1,
    whole: true,
    otherwise: "all",
    group: "Sources",
  },
  allowPrivate: {
    what: "also fetch from addresses of private networks",
    kind: "flag",
    default: false,
    group: "Sources",
  },
} as const satisfies OptionTable<SourceFlags>;

/** The options of commands that work on a run. */
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
    what: "count missing files as failures, however many they are",
    kind: "flag",
    default: false,
    otherwise: "the run stops when its sources are gone",
    group: "Sources",
  },
  parquet: {
    what: "write detections.parquet at the end, with a row for each detection",
    kind: "flag",
    default: false,
    group: "Output",
  },
  quiet: { what: "print errors only", kind: "flag", default: false, group: "Output" },
} as const satisfies OptionTable<WorkFlags>;

const { box: _, ...flagsForMany } = imageFlags;

/** Options of images as a run has them: other defaults, and none that is about one image. */
const manyFlags = {
  ...flagsForMany,
  ...sourceFlags,
  per: { ...imageFlags.per, default: "detection" },
  threads: { ...imageFlags.threads, otherwise: "1, in each worker" },
  save: {
    ...imageFlags.save,
    of: { kind: "choice", choices: ["png", "npy"] },
    default: [],
    otherwise: "none, only the results",
  },
} as const;

/** The options of `whybox run`. */
export const runFlags = {
  ...manyFlags,
  out: { what: "folder of the run (required)", kind: "text", expected: "a folder", group: "Output", shown: "dir" },
  resume: {
    what: "continue the run in that folder, or begin it when there is none",
    kind: "flag",
    default: false,
    group: "Output",
  },
  ...workFlags,
} as const;

/** The options of `whybox shard plan`: those of `whybox run` that say what is done, not those that say how. */
export const planFlags = {
  ...manyFlags,
  out: { ...runFlags.out, what: "folder of the run, on a disk that all machines share (required)" },
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

/** Options that say how the machine does it, and change no result. */
const machineOptions: ReadonlySet<string> = new Set(["out", "resume", ...Object.keys(workFlags)]);

export function runSettings({ values, typed }: TypedOptions<ImageValues & Filled<SourceFlags, typeof sourceFlags>>) {
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
 * The folder of the run.
 * @param sources as typed; without any it is a run that is there.
 * @throws usage.
 */
export function runFolder(
  { values, typed, flag }: TypedOptions<Pick<RunValues, "out" | "resume">>,
  sources: readonly string[],
  cwd: string,
): string {
  const { out, resume } = values;
  if (out === undefined) throw new WhyboxError("usage", "--out is missing: the folder of the run.");
  if (sources.length > 0) return resolve(cwd, out);
  if (!resume) throw new WhyboxError("usage", "No source given. Sources may be left out with --resume only.");
  const more = typed.filter((option) => !machineOptions.has(option));
  if (more.length > 0) {
    throw new WhyboxError(
      "usage",
      `${more.map(flag).join(", ")}: without sources a run continues with the options that it began with. Leave the options out, or give the sources too.`,
    );
  }
  return resolve(cwd, out);
}
