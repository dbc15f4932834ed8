import {
  type CoreDetector,
  type ExplainOptions,
  type ExplainProgress,
  type ExplainResult,
  type RgbImage,
  WhyboxError,
  type WhyboxErrorCode,
} from "@whybox/core";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { FileNamer } from "./output-names.js";
import { type OutputFile, type PlannedOutputs, planOutputs } from "./plan-outputs.js";
import type { Services } from "./services.js";
import type { ImageSettings } from "./settings.js";
import { createStageClock, type StageClock } from "./stage-clock.js";
import { writeOutputs } from "./write-outputs.js";

/** The progress of one image: first the runs of the explanation, then the files. */
export interface ImageProgress extends ExplainProgress {
  readonly step: "explain" | "write";
}

/** Dependencies and settings for explaining images. */
export interface ImageContext {
  readonly detector: Pick<CoreDetector, "explain">;
  readonly services: Services;
  readonly settings: ImageSettings;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Gets a message about each image whose file does not say how it is read. */
  readonly onNote?: (text: string) => void;
  /** Gets the bytes of each image file before they are decoded. */
  readonly onFile?: (bytes: Uint8Array) => void;
  /** Whether a URL may lead to a private network. Default: true. */
  readonly allowPrivate?: boolean;
  /** Runs the work while no other explanation runs. Default: runs it at once. */
  alone?<T>(work: () => Promise<T>): Promise<T>;
}

/** One image and its output files. */
export interface ImageTask {
  /** Path or URL. */
  readonly location: string;
  /** Absolute path of the folder for the files. */
  readonly folder: string;
  /** Absolute path of a folder for incomplete files. Default: `folder`. */
  readonly temporary?: string;
  /** Prefix of the file names. */
  readonly stem: string;
  readonly namer: FileNamer;
  /** Whether to draw a contact sheet when there are several maps. */
  readonly sheet: boolean;
  /** Creates the files that are written last. They contain the names and the timings of the others. */
  last?(explained: ExplainedImage): AsyncIterable<OutputFile>;
}

export interface ExplainedImage extends Omit<PlannedOutputs, "outputs"> {
  readonly result: ExplainResult;
  /** Times in milliseconds. "render" is the time to create the files, and a part of "write". */
  readonly ms: Readonly<Record<"decode" | "explain" | "render" | "write", number>>;
}

/**
 * Processes one image: decode, explain, draw, write. On failure none of the image's files remains.
 * @returns The result and the paths of the files.
 * @throws errors of decoding, explaining and writing; aborted when the signal fires.
 */
export async function explainImage(
  task: ImageTask,
  context: ImageContext,
): Promise<ExplainedImage & { readonly paths: readonly string[] }> {
  const { services, settings, signal, onProgress, onNote, onFile, allowPrivate = true } = context;
  const { stem, namer, sheet, last } = task;
  const clock = createStageClock({ decode: 0, explain: 0, render: 0, write: 0 });
  const image = await clock.of("decode", () =>
    services.decodeImage(task.location, {
      allowPrivate,
      ...{ ...(signal && { signal }), ...(onNote && { onNote }), ...(onFile && { onFile }) },
    }),
  );
  const result = await explainPixels(image, context, clock);
  const { outputs, ...names } = planOutputs({ image, result, stem, namer, sheet, services, settings });
  const explained = { result, ...names, ms: clock.ms };
  const files = async function* (): AsyncGenerator<OutputFile> {
    for (const [done, output] of outputs.entries()) {
      onProgress?.({ step: "write", done, total: outputs.length });
      yield output;
    }
    onProgress?.({ step: "write", done: outputs.length, total: outputs.length });
    if (last !== undefined) yield* last(explained);
  };
  const write = () => writeOutputs(files(), { ...task, write: services.writeFile, signal, clock });
  return { ...explained, paths: await clock.of("write", write) };
}

/** Explains a decoded image. @throws errors of explaining; aborted. */
export async function explainPixels(
  image: RgbImage,
  { detector, settings, signal, onProgress, alone = (work) => work() }: ImageContext,
  clock: StageClock<"explain">,
): Promise<ExplainResult> {
  const options: ExplainOptions = {
    ...settings.explain,
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress: (progress) => onProgress({ step: "explain", ...progress }) }),
  };
  const result = await alone(() => clock.of("explain", () => detector.explain(image, options)));
  stopIfAborted(signal);
  return result;
}

/** Errors that also occur for the next image. All others, except `runtime`, concern one image. */
const concernsAll: ReadonlySet<WhyboxErrorCode> = new Set([
  "usage",
  "unsupported-model",
  "no-gradient",
  "output",
  "aborted",
]);

/**
 * Whether the same error also occurs for the next image. A full disk stops the run. A file that is too large, or whose name is too
 * long, does not.
 */
export function endsTheRun(error: unknown): boolean {
  return error instanceof WhyboxError && concernsAll.has(error.code) && error.details.concerns !== "file";
}
