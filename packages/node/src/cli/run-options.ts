import { resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import { z } from "zod";
import type { RunSettings } from "../runs/manifest.js";
import type { Choices } from "./context.js";
import { type ExplainValues, explainOptionsSchema, toSettings } from "./explain-options.js";
import { choiceText, integerText, plainText } from "./option-values.js";

export const runSaveKinds = ["png", "npy"] as const;

/** So many frames of a video are in a worker's memory at once. */
const MAX_MAP_STRIDE = 100;

/** Options that say how the machine does it, and change no result. */
const machineOptions: ReadonlySet<string> = new Set(["out", "resume", "workers", "parquet", "quiet", "skipMissing"]);

/** The options of `whybox run`, from commander's texts to values. Keys are commander's. */
export function runCommandSchema(choices: Choices) {
  const flag = z.boolean().default(false);
  return explainOptionsSchema(choices)
    .omit({ box: true, class: true, requireDetections: true, json: true, save: true, out: true })
    .extend({
      recursive: flag,
      split: plainText("the name of a part of a dataset"),
      images: plainText("a folder").optional(),
      vidStride: integerText(1, 1_000_000),
      mapStride: integerText(1, MAX_MAP_STRIDE),
      maxFrames: integerText(1, 2 ** 31 - 1).optional(),
      skipMissing: flag,
      allowPrivate: flag,
      out: plainText("a folder").optional(),
      resume: flag,
      workers: integerText(1, 1024).optional(),
      parquet: flag,
      save: z.array(choiceText(runSaveKinds)).default([]),
    });
}

export type RunValues = z.infer<ReturnType<typeof runCommandSchema>>;

/** The same as values of `whybox explain`, for what both have. */
export function asExplainValues(values: RunValues): ExplainValues {
  const {
    recursive,
    split,
    images,
    vidStride,
    mapStride,
    maxFrames,
    skipMissing,
    allowPrivate,
    resume,
    workers,
    parquet,
    ...rest
  } = values;
  const per = values.per ?? "detection";
  return { ...rest, per, box: undefined, class: undefined, requireDetections: false, json: false };
}

export function runSettings(values: RunValues): RunSettings {
  const threads = values.threads ?? 1;
  return {
    batch: { ...toSettings(asExplainValues(values)), threads },
    threads,
    vidStride: values.vidStride,
    mapStride: values.mapStride,
    maxFrames: values.maxFrames ?? null,
    allowPrivate: values.allowPrivate,
  };
}

/**
 * The folder of the run.
 * @param sources as typed; without any it is a run that is there.
 * @param given keys of the options that were typed.
 * @throws usage.
 */
export function runFolder(
  values: RunValues,
  sources: readonly string[],
  given: readonly string[],
  cwd: string,
): string {
  const { out, resume } = values;
  if (out === undefined) throw new WhyboxError("usage", "--out is missing: the folder of the run.");
  if (sources.length > 0) return resolve(cwd, out);
  if (!resume) throw new WhyboxError("usage", "No source given. Sources may be left out with --resume only.");
  const more = given.filter((key) => !machineOptions.has(key));
  if (more.length > 0) {
    const flags = more.map((key) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    throw new WhyboxError(
      "usage",
      `${flags.join(", ")}: without sources a run goes on as it was begun. Leave the options out, or give the sources, too.`,
    );
  }
  return resolve(cwd, out);
}
