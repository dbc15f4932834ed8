import { type CoreDetector, type ExplainResult, type RgbImage, WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { FileNamer } from "./output-names.js";
import { type OutputFile, type PlannedOutputs, planOutputs } from "./plan-outputs.js";
import type { Services } from "./services.js";
import type { ImageSettings } from "./settings.js";
import { createStageClock, type StageClock } from "./stage-clock.js";
import { writeOutputs } from "./write-outputs.js";

/** What explaining images needs. */
export interface ImageContext {
  readonly detector: Pick<CoreDetector, "explain">;
  readonly services: Services;
  readonly settings: ImageSettings;
  readonly signal?: AbortSignal;
  /** Runs the work when no other explanation runs. Default: at once. */
  alone?<T>(work: () => Promise<T>): Promise<T>;
}

/** One image, and where its files go. */
export interface ImageTask {
  /** Path or URL. */
  readonly location: string;
  /** Absolute path of the folder for the files. */
  readonly folder: string;
  /** Absolute path of a folder for files that are not whole yet. Default: `folder`. */
  readonly temporary?: string;
  /** Start of the files' names. */
  readonly stem: string;
  readonly namer: FileNamer;
  /** Whether a contact sheet is drawn where maps are kept apart. */
  readonly sheet: boolean;
  /** Makes the files that are written last. They tell of the others, and of the milliseconds that those took. */
  last?(explained: ExplainedImage): Iterable<OutputFile>;
}

export interface ExplainedImage extends Omit<PlannedOutputs, "outputs"> {
  readonly result: ExplainResult;
  /** Milliseconds. Making the files is "render", and a part of "write". */
  readonly ms: Readonly<Record<"decode" | "explain" | "render" | "write", number>>;
}

/**
 * One image from its source to its files: decode, explain, draw, write. All files of the image are written, or none stays.
 * @returns what was found, and the paths of the files.
 * @throws what decoding, explaining and writing throw; aborted when the signal fires.
 */
export async function explainImage(
  task: ImageTask,
  context: ImageContext,
): Promise<ExplainedImage & { readonly paths: readonly string[] }> {
  const { services, settings, signal } = context;
  const { stem, namer, sheet, last } = task;
  const clock = createStageClock({ decode: 0, explain: 0, render: 0, write: 0 });
  const image = await clock.of("decode", () =>
    services.decodeImage(task.location, signal === undefined ? {} : { signal }),
  );
  const result = await explainPixels(image, context, clock);
  const { outputs, ...names } = planOutputs({ image, result, stem, namer, sheet, services, settings });
  const explained = { result, ...names, ms: clock.ms };
  const files = function* (): Generator<OutputFile> {
    yield* outputs;
    if (last !== undefined) yield* last(explained);
  };
  const write = () => writeOutputs(files(), { ...task, write: services.writeFile, signal, clock });
  return { ...explained, paths: await clock.of("write", write) };
}

/** Explains a decoded image. @throws what explaining throws; aborted. */
export async function explainPixels(
  image: RgbImage,
  { detector, settings, signal, alone = (work) => work() }: ImageContext,
  clock: StageClock<"explain">,
): Promise<ExplainResult> {
  const options = signal === undefined ? settings.explain : { ...settings.explain, signal };
  const result = await alone(() => clock.of("explain", () => detector.explain(image, options)));
  stopIfAborted(signal);
  return result;
}

/** Errors that the next image would meet again. All others but `runtime` concern one image. */
const concernsAll: ReadonlySet<WhyboxErrorCode> = new Set([
  "usage",
  "unsupported-model",
  "no-gradient",
  "output",
  "aborted",
]);

/**
 * Whether the next image would meet the same error. A file that is too large for the disk, or whose name is too long, does not
 * stop the next one; a full disk does.
 */
export function endsTheRun(error: unknown): boolean {
  return error instanceof WhyboxError && concernsAll.has(error.code) && error.details.concerns !== "file";
}
